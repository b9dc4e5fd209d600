package fetch

import (
	"container/list"
	"time"
)

// cache keeps values until they expire, or until too many others were used since.
// Its owner guards it.
type cache[V any] struct {
	maxEntries, maxBytes int

	bytes int
	// order has *entry[V], the most recently used first.
	order *list.List
	byKey map[key]*list.Element
}

type entry[V any] struct {
	key   key
	value V
	bytes int
	until time.Time
}

func newCache[V any](maxEntries, maxBytes int) *cache[V] {
	return &cache[V]{
		maxEntries: maxEntries,
		maxBytes:   maxBytes,
		order:      list.New(),
		byKey:      make(map[key]*list.Element),
	}
}

// get returns what is kept for k and good at now.
func (c *cache[V]) get(k key, now time.Time) (v V, ok bool) {
	el, ok := c.byKey[k]
	if !ok {
		return v, false
	}
	e := el.Value.(*entry[V])
	if !now.Before(e.until) {
		c.drop(k)
		return v, false
	}
	c.order.MoveToFront(el)
	return e.value, true
}

// put keeps v for k until then, in place of what was there.
func (c *cache[V]) put(k key, v V, bytes int, until time.Time) {
	c.drop(k)
	if bytes > c.maxBytes {
		return
	}
	c.byKey[k] = c.order.PushFront(&entry[V]{k, v, bytes, until})
	c.bytes += bytes
	for len(c.byKey) > c.maxEntries || c.bytes > c.maxBytes {
		c.drop(c.order.Back().Value.(*entry[V]).key)
	}
}

// drop forgets what is kept for k, if anything.
func (c *cache[V]) drop(k key) {
	el, ok := c.byKey[k]
	if !ok {
		return
	}
	c.bytes -= el.Value.(*entry[V]).bytes
	c.order.Remove(el)
	delete(c.byKey, k)
}
