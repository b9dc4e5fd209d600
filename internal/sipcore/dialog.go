package sipcore

import (
	"errors"
	"slices"
	"strconv"
	"sync"
)

// Dialog is what one end of a call needs to send requests within it (RFC 3261
// section 12). It is a calculation, not a store: nothing in this package looks
// for dialogs. Its methods may be called from many goroutines at once.
type Dialog struct {
	callID        string
	local, remote string // From and To values of our requests
	target        string // the other end's Contact
	routes        []string

	mu     sync.Mutex
	number uint32 // of the last CSeq we used
	invite uint32 // of the INVITE that began the dialog, for its ACK
}

var errNoContact = errors.New("sipcore: no readable Contact to send requests of the dialog to")

// DialogFromResponse returns the caller's end of the dialog that the response
// resp to the INVITE req made (RFC 3261 section 12.1.2).
func DialogFromResponse(req, resp *Message) (*Dialog, error) {
	number, _ := req.CSeq()
	routes := resp.List("Record-Route")
	slices.Reverse(routes)
	return newDialog(&Dialog{
		callID: req.CallID(),
		local:  req.Get("From"),
		remote: resp.Get("To"),
		routes: routes,
		number: number,
		invite: number,
	}, resp)
}

// DialogFromRequest returns the end of the dialog of the one who was called and
// answered the INVITE req with resp, which must have a To tag (RFC 3261 section
// 12.1.1).
func DialogFromRequest(req, resp *Message) (*Dialog, error) {
	return newDialog(&Dialog{
		callID: req.CallID(),
		local:  resp.Get("To"),
		remote: req.Get("From"),
		routes: req.List("Record-Route"),
	}, req)
}

func newDialog(d *Dialog, from *Message) (*Dialog, error) {
	contacts := from.List("Contact")
	if len(contacts) == 0 {
		return nil, errNoContact
	}
	a, err := ParseNameAddr(contacts[0])
	if err != nil {
		return nil, errNoContact
	}
	d.target = a.URI().String()
	return d, nil
}

// NewRequest returns a request within the dialog, with its Route fields and the
// next CSeq number; for ACK, with the number of the INVITE (RFC 3261 section
// 12.2.1.1).
func (d *Dialog) NewRequest(method string) *Message {
	d.mu.Lock()
	number := d.invite
	if method != MethodAck {
		d.number++
		number = d.number
	}
	d.mu.Unlock()
	m := NewRequest(method, d.target)
	for _, route := range d.routes {
		m.Add("Route", route)
	}
	m.Add("From", d.local)
	m.Add("To", d.remote)
	m.Add("Call-ID", d.callID)
	m.Add("CSeq", strconv.FormatUint(uint64(number), 10)+" "+method)
	return m
}

// NextHop returns the URI that requests of the dialog are sent to.
func (d *Dialog) NextHop() (URI, error) { return d.NewRequest(MethodAck).NextHop() }
