package rcd

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/url"
	"strconv"
	"strings"
)

const (
	// maxImage is the longest image, in bytes.
	maxImage = 256 << 10
	// maxSide is the greatest width or height, in pixels.
	maxSide = 2048
)

// Image is an image whose bytes are proved. It is of a kind that can hold neither a
// script nor a reference to anything else, which rules out SVG.
type Image struct {
	// Property is "icn", "photo" or "logo".
	Property string
	// URI is where it was, or empty if it was inside the PASSporT. The bytes to show
	// are those of Data: what the URI leads to now may be another image.
	URI string
	// Type is "image/png", "image/jpeg" or "image/gif", from the bytes themselves.
	Type string
	// Width and Height are in pixels, from the bytes themselves.
	Width, Height int
	// Data are the bytes. They are left out of JSON: what is kept of a call is what
	// was found, not the pictures.
	Data []byte `json:"-"`
}

var imageKinds = [...]struct {
	mediaType, begins string
	config            func(*bytes.Reader) (image.Config, error)
}{
	{"image/png", "\x89PNG\r\n\x1a\n", func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) }},
	{"image/jpeg", "\xff\xd8\xff", func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) }},
	{"image/gif", "GIF8", func(r *bytes.Reader) (image.Config, error) { return gif.DecodeConfig(r) }},
}

// readImage looks at the beginning of an image. It returns what is wrong, in words.
func readImage(content []byte) (img *Image, bad string) {
	if len(content) > maxImage {
		return nil, "the image is longer than " + strconv.Itoa(maxImage>>10) + " KiB"
	}
	for _, k := range imageKinds {
		if !bytes.HasPrefix(content, []byte(k.begins)) {
			continue
		}
		c, err := k.config(bytes.NewReader(content))
		switch {
		case err != nil:
			return nil, "the image cannot be read"
		case c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide:
			return nil, "the image is larger than " + strconv.Itoa(maxSide) + " pixels a side"
		}
		return &Image{Type: k.mediaType, Width: c.Width, Height: c.Height, Data: content}, ""
	}
	return nil, "it is not an image of a kind that is shown"
}

// decodeData returns what a data URI holds (RFC 2397 section 3).
func decodeData(uri string) ([]byte, bool) {
	const begins = "data:"
	if len(uri) < len(begins) || !strings.EqualFold(uri[:len(begins)], begins) {
		return nil, false
	}
	kind, data, ok := strings.Cut(uri[len(begins):], ",")
	if !ok {
		return nil, false
	}
	text, err := url.PathUnescape(data)
	if err != nil {
		return nil, false
	}
	if !strings.HasSuffix(strings.ToLower(kind), ";base64") {
		return []byte(text), true
	}
	content, err := base64.StdEncoding.DecodeString(text)
	return content, err == nil
}
