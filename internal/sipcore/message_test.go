package sipcore

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const odd = "INVITE sip:+12155551212;npdi@example.com;user=phone?X=1 SIP/2.0\r\n" +
	"v: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKodd;rport\r\n" +
	"f: \"Q. \\\"Jo\\\"\"  <sip:+12155551213@example.com> ; tag=a;x=\"y;z\"\r\n" +
	"T: sip:+12155551212@example.com\r\n" +
	"i: odd@192.0.2.10\r\n" +
	"CSeq:   7   INVITE\r\n" +
	"y: eyJ.one.sig;info=<https://a.example/1;x?y=1,2>;alg=ES256;ppt=shaken\r\n" +
	"X-Unknown: a,  b;c = \"d\"\t \r\n" +
	"iDeNtItY: eyJ.two.sig;info=<https://a.example/2>\r\n" +
	"X-Empty:\r\n" +
	"Identity: ..sig;info=<https://a.example/3>\r\n" +
	"x-unknown: second\r\n" +
	"l: 3\r\n\r\nsdp"

func parsed(t *testing.T, text string) *Message {
	t.Helper()
	m, err := parseWire([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAMessageIsWrittenAsItWasRead(t *testing.T) {
	want := odd
	// What the package comment exempts: white space around the colon and at the
	// end.
	for _, r := range [][2]string{{"CSeq:   7", "CSeq: 7"}, {"\"d\"\t \r\n", "\"d\"\r\n"}, {"X-Empty:\r\n", "X-Empty: \r\n"}} {
		want = strings.Replace(want, r[0], r[1], 1)
	}
	if got := string(parsed(t, odd).Bytes()); got != want {
		t.Errorf("written:\n%s\nwant:\n%s", got, want)
	}
}

func TestCompactAndLongNamesMeanTheSame(t *testing.T) {
	m := parsed(t, odd)
	for _, c := range []struct{ name, want string }{
		{"Via", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKodd;rport"},
		{"V", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKodd;rport"},
		{"to", "sip:+12155551212@example.com"},
		{"call-ID", "odd@192.0.2.10"},
		{"i", "odd@192.0.2.10"},
		{"Content-Length", "3"},
		{"L", "3"},
		{"X-Unknown", "a,  b;c = \"d\""},
		{"Subject", ""},
	} {
		if got := m.Get(c.name); got != c.want {
			t.Errorf("Get(%q) = %q, want %q", c.name, got, c.want)
		}
	}
	if got := m.Values("Identity"); len(got) != 3 || !strings.HasPrefix(got[0], "eyJ.one") || !strings.HasPrefix(got[2], "..sig") {
		t.Errorf("Values(Identity) = %q, want all three, in order", got)
	}
	if !m.Has("X-Empty") || m.Has("X-None") {
		t.Error("Has does not tell an empty field from none")
	}
}

func TestFoldedLinesAreJoinedByOneSpace(t *testing.T) {
	m := parsed(t, strings.Replace(odd, ";alg=ES256", "\r\n\t ;alg=ES256 \r\n ;z", 1))
	if got, want := m.Values("y")[0], "eyJ.one.sig;info=<https://a.example/1;x?y=1,2> ;alg=ES256 ;z;ppt=shaken"; got != want {
		t.Errorf("folded Identity = %q, want %q", got, want)
	}
}

func TestFieldsAreChangedInPlace(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(m *Message)
		want   string
	}{
		{"set replaces the first and removes the others", func(m *Message) { m.Set("b", "x") }, "A=1 Referred-By=x C=4"},
		{"set adds what is not there", func(m *Message) { m.Set("D", "x") }, "A=1 Referred-By=2 b=3 C=4 D=x"},
		{"add goes behind the last of its name", func(m *Message) { m.Add("Referred-By", "x") }, "A=1 Referred-By=2 b=3 Referred-By=x C=4"},
		{"add goes to the end", func(m *Message) { m.Add("D", "x") }, "A=1 Referred-By=2 b=3 C=4 D=x"},
		{"prepend goes before the first of its name", func(m *Message) { m.Prepend("b", "x") }, "A=1 b=x Referred-By=2 b=3 C=4"},
		{"prepend goes to the top", func(m *Message) { m.Prepend("D", "x") }, "D=x A=1 Referred-By=2 b=3 C=4"},
		{"remove takes all of the name", func(m *Message) { m.Remove("referred-by") }, "A=1 C=4"},
		{"nor one that is added", func(m *Message) { m.Add("D", "1\nE: 2") }, "A=1 Referred-By=2 b=3 C=4 D=1 E: 2"},
		{"nor one in front", func(m *Message) { m.Prepend("D", "1\rE: 2") }, "D=1 E: 2 A=1 Referred-By=2 b=3 C=4"},
		{"a line break cannot end a value", func(m *Message) { m.Set("A", "1\r\nEvil: yes\n\x00") }, "A=1 Evil: yes Referred-By=2 b=3 C=4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &Message{fields: []Field{{"A", "1"}, {"Referred-By", "2"}, {"b", "3"}, {"C", "4"}}}
			before := m.Clone()
			c.change(m)
			var got []string
			for name, value := range m.Fields() {
				got = append(got, name+"="+value)
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("fields are %s, want %s", got, c.want)
			}
			if !slices.Equal(before.fields, []Field{{"A", "1"}, {"Referred-By", "2"}, {"b", "3"}, {"C", "4"}}) {
				t.Error("changing a message changed its clone")
			}
		})
	}
}

func TestListsAreSplitAtCommasThatSeparate(t *testing.T) {
	m := &Message{fields: []Field{
		{"Route", `<sip:a;lr>,"x, y" <sip:b,c;lr>;p="1,2" , <sip:d>`},
		{"Record-Route", "<sip:none>"},
		{"Route", "<sip:e>"},
	}}
	want := []string{"<sip:a;lr>", `"x, y" <sip:b,c;lr>;p="1,2"`, "<sip:d>", "<sip:e>"}
	for len(want) > 0 {
		if got := m.List("Route"); !slices.Equal(got, want) {
			t.Fatalf("List(Route) = %q, want %q", got, want)
		}
		if !m.PopRoute() {
			t.Fatal("PopRoute() = false")
		}
		want = want[1:]
	}
	if m.PopRoute() || m.Has("Route") || !m.Has("Record-Route") {
		t.Errorf("after the last PopRoute fields are %v", m.fields)
	}
}

func TestSetBodyKeepsContentTypeAndLengthTrue(t *testing.T) {
	m := parsed(t, odd)
	m.SetBody("text/plain", []byte("hello"))
	if m.Get("Content-Length") != "5" || m.Get("Content-Type") != "text/plain" || string(parsed(t, string(m.Bytes())).Body()) != "hello" {
		t.Errorf("with a body: Content-Length %q, Content-Type %q", m.Get("Content-Length"), m.Get("Content-Type"))
	}
	m.SetBody("", nil)
	if m.Get("l") != "0" || m.Has("Content-Type") || len(m.Body()) != 0 {
		t.Errorf("without: Content-Length %q, Content-Type %q", m.Get("l"), m.Get("Content-Type"))
	}
}

func TestAResponseCopiesWhatTheStandardSays(t *testing.T) {
	req := parsed(t, strings.Replace(odd, "X-Empty:", "Record-Route: <sip:p;lr>\r\nTimestamp: 5\r\nX-Empty:", 1))
	for status, want := range map[int]string{
		100: "v f T i CSeq Timestamp Content-Length",
		180: "v f T i CSeq Record-Route Content-Length",
		200: "v f T i CSeq Record-Route Content-Length",
		486: "v f T i CSeq Content-Length",
	} {
		var names []string
		for name := range NewResponse(req, status, "").Fields() {
			names = append(names, name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("a %d has %s, want %s", status, got, want)
		}
	}
	if got := NewResponse(req, 299, "").Reason(); got != "OK" {
		t.Errorf("the phrase of an unknown 2xx is %q, want that of 200", got)
	}
}

func TestAMessagePrintedByMistakeShowsNoNumber(t *testing.T) {
	if s := parsed(t, odd).String(); strings.Contains(s, "1215555") {
		t.Errorf("String() = %q, which shows a telephone number", s)
	}
}

// anyMessage draws messages that a parser must accept.
func anyMessage(t *rapid.T) *Message {
	name := rapid.StringMatching(`[A-Za-z][A-Za-z0-9-]{1,12}`).Filter(func(s string) bool {
		return (&places{}).find(&Field{Name: s}) == nil
	})
	value := rapid.StringMatching(`([!-~]([ -~]{0,30}[!-~])?)?`)
	m := NewRequest("INVITE", "sip:a@b.example")
	m.Add("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx")
	m.Add("From", "<sip:a@b.example>;tag="+rapid.StringMatching(`[a-z0-9]{1,8}`).Draw(t, "tag"))
	m.Add("To", "<sip:c@d.example>")
	m.Add("Call-ID", rapid.StringMatching(`[a-z0-9]{1,8}`).Draw(t, "call"))
	m.Add("CSeq", "1 INVITE")
	for range rapid.IntRange(0, 20).Draw(t, "fields") {
		m.fields = append(m.fields, Field{name.Draw(t, "name"), value.Draw(t, "value")})
	}
	if body := rapid.SliceOf(rapid.Byte()).Draw(t, "body"); len(body) > 0 {
		m.SetBody("text/plain", body)
	}
	return m
}

func TestPropertyParseAndPrintAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMessage(t)
		back, err := parseWire(m.Bytes())
		if err != nil {
			t.Fatalf("parseWire(%q) = %v", m.Bytes(), err)
		}
		if !slices.Equal(back.fields, m.fields) || string(back.body) != string(m.body) || back.uri != m.uri {
			t.Fatalf("read back %v %q, want %v %q", back.fields, back.body, m.fields, m.body)
		}
	})
}

func TestPropertyAddAndRemoveKeepTheOtherFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMessage(t)
		before := slices.Clone(m.fields)
		for range rapid.IntRange(1, 4).Draw(t, "times") {
			if rapid.Bool().Draw(t, "front") {
				m.Prepend("y", "new")
			} else {
				m.Add("Identity", "new")
			}
		}
		if m.Remove("Identity"); !slices.Equal(m.fields, before) {
			t.Fatalf("fields are %v, want %v", m.fields, before)
		}
	})
}
