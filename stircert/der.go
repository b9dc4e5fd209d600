package stircert

import "math"

// Tags of DER (X.690) that occur in the extensions read here.
const (
	tagBoolean     = 0x01
	tagInteger     = 0x02
	tagBitString   = 0x03
	tagOctetString = 0x04
	tagOID         = 0x06
	tagEnumerated  = 0x0a
	tagUTF8        = 0x0c
	tagIA5         = 0x16
	tagSequence    = 0x30
	tagSet         = 0x31
)

// explicit is the tag of [n] EXPLICIT or of a constructed [n] IMPLICIT.
func explicit(n byte) byte { return 0xa0 | n }

// implicit is the tag of a primitive [n] IMPLICIT.
func implicit(n byte) byte { return 0x80 | n }

// reader reads the elements of DER one after another. It is strict: definite and
// shortest lengths, tags of one byte. It copies nothing and goes no deeper than its
// caller, so what it costs is bounded by the length of the input.
type reader []byte

// next returns the next element: its tag, its content, and the whole of it.
func (r *reader) next() (tag byte, content reader, whole []byte, ok bool) {
	b := *r
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return 0, nil, nil, false
	}
	length, head := int(b[1]), 2
	if length >= 0x80 {
		n := length & 0x7f
		if n == 0 || n > 4 || len(b) < 2+n {
			return 0, nil, nil, false
		}
		var long uint64
		for _, o := range b[2 : 2+n] {
			long = long<<8 | uint64(o)
		}
		// X.690 section 10.1: the shortest form that holds the length.
		if long < 0x80 || b[2] == 0 || long > math.MaxInt32 {
			return 0, nil, nil, false
		}
		length, head = int(long), 2+n
	}
	if len(b)-head < length {
		return 0, nil, nil, false
	}
	*r = b[head+length:]
	return b[0], b[head : head+length], b[:head+length], true
}

// read returns the content of the next element, which must have the tag.
func (r *reader) read(tag byte) (reader, bool) {
	if len(*r) == 0 || (*r)[0] != tag {
		return nil, false
	}
	_, content, _, ok := r.next()
	return content, ok
}

// optional is read for an element that need not be there.
func (r *reader) optional(tag byte) (content reader, present, ok bool) {
	if len(*r) == 0 || (*r)[0] != tag {
		return nil, false, true
	}
	content, ok = r.read(tag)
	return content, true, ok
}

// only returns the content of an element with the tag that is all there is.
func only(b []byte, tag byte) (reader, bool) {
	r := reader(b)
	content, ok := r.read(tag)
	return content, ok && len(r) == 0
}

// unsigned reads an INTEGER that is not negative and fits.
func (r *reader) unsigned() (uint64, bool) {
	b, ok := r.read(tagInteger)
	if !ok || len(b) == 0 || b[0]&0x80 != 0 {
		return 0, false
	}
	if b[0] == 0 && len(b) > 1 {
		if b[1]&0x80 == 0 {
			return 0, false
		}
		b = b[1:]
	}
	if len(b) > 8 {
		return 0, false
	}
	var v uint64
	for _, o := range b {
		v = v<<8 | uint64(o)
	}
	return v, true
}

// element returns the DER of one element with the tag around the parts.
func element(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := make([]byte, 0, n+6)
	out = append(out, tag)
	switch {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 1<<8:
		out = append(out, 0x81, byte(n))
	case n < 1<<16:
		out = append(out, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		out = append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// integer returns the DER of an INTEGER.
func integer(v uint64) []byte {
	var b []byte
	for ; v > 0x7f; v >>= 8 {
		b = append([]byte{byte(v)}, b...)
	}
	return element(tagInteger, append([]byte{byte(v)}, b...))
}

// ia5 reports whether s can be shown and written as an IA5String: not empty, and
// printable characters of ASCII only, since the names end up on somebody's screen.
func ia5(s []byte) bool {
	for _, b := range s {
		if b < 0x20 || b > 0x7e {
			return false
		}
	}
	return len(s) > 0
}
