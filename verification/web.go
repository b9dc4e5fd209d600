package verification

import (
	"countersign.example/passport"
)

// web is what the diversions of one call lead to. It is made once for the call; the
// work of following it grows with the square of the number of fields, never with the
// number of paths through them.
type web struct {
	report *Report
	// strands are the diversions, by the index of their field.
	strands [MaxFields]strand
	// originals says that the call has a PASSporT, read if not valid, that a diversion
	// may begin with.
	originals bool
	// looked counts the pairs of diversions that were compared.
	looked int
}

// strand is one diversion.
type strand struct {
	here bool
	// fit says that it may be part of a chain: signed, and nothing wrong with it.
	fit  bool
	from passport.Party
	to   passport.Parties
	orig passport.Party
	// begun says that a way leads to it, and sound that one does from a PASSporT with
	// nothing wrong with it; used, that it is part of a chain from such a one to the
	// called party. The rest says why it may not be.
	begun, sound, used         bool
	changed, loops, deep, last bool
}

func newWeb(r *Report) *web {
	w := &web{report: r}
	for i := range r.Fields {
		f := &r.Fields[i]
		if !isDiversion(f) {
			continue
		}
		c := &f.Token.Claims
		w.strands[i] = strand{
			here: true, fit: f.Signed && r.sound(f),
			from: canonical(c.Div.Party), to: canonicalAll(c.Dest), orig: canonical(c.Orig),
		}
	}
	return w
}

// chain is what came of following the web from one PASSporT.
type chain struct {
	// path is the shortest chain to the target if it arrived, or else the longest way
	// that was come, as indices of fields.
	path    []int
	arrived bool
	// unfit, loops and deep say why it may not have arrived.
	unfit, loops, deep bool
}

func (c *chain) why() string {
	switch {
	case c.loops:
		return "the diversions run in a circle"
	case c.deep:
		return "there are more diversions than are followed"
	case c.unfit:
		return "a diversion would explain it, but is not valid"
	case len(c.path) > 0:
		return "the diversions lead elsewhere"
	}
	return "no diversion explains it"
}

// start stands for the PASSporT from which the web is followed.
const start = -1

// follow looks for the shortest chain of diversions from some parties, which f names, to
// a target. Every diversion is entered once, by the shortest way to it.
func (w *web) follow(f *Field, parties passport.Parties, target func(passport.Parties) bool) chain {
	var c chain
	var t trail
	sound, orig := w.report.sound(f), canonical(f.Token.Claims.Orig)
	for queue := []int{start}; len(queue) > 0; queue = queue[1:] {
		at, hops := queue[0], 0
		if at != start {
			parties, hops = w.strands[at].to, t.depth[at]
			if !c.arrived && target(parties) {
				c.arrived, c.path = true, t.way(at)
			}
			if !c.arrived && hops > len(c.path) {
				c.path = t.way(at)
			}
		}
		for i := range w.report.Fields {
			s := &w.strands[i]
			w.looked++
			// What stands inside a diversion begins with that one.
			if !s.here || at == start && f.Nested != 0 && f.Nested != i+1 || !parties.Has(s.from) {
				continue
			}
			s.begun, s.sound = true, s.sound || sound
			switch {
			case t.passed(i, at):
				// RFC 8946 section 4.2: what was left is come back to.
				w.strands[at].loops, c.loops = true, true
			case s.orig != orig:
				// RFC 8946 section 4.2 step 3: a chain with another orig in it is invalid.
				s.changed, c.unfit = true, true
			case !s.fit:
				c.unfit = true
			case t.depth[i] > 0:
			case hops == maxHops:
				s.deep, c.deep = true, true
			default:
				t.before[i], t.depth[i] = at, hops+1
				queue = append(queue, i)
			}
		}
	}
	return c
}

// trail is how each diversion was come to: from which other, and after how many.
type trail struct {
	before, depth [MaxFields]int
}

// way returns the diversions on the way to one, it included.
func (t *trail) way(to int) []int {
	path := make([]int, t.depth[to])
	for n := len(path); n > 0; n-- {
		path[n-1], to = to, t.before[to]
	}
	return path
}

// passed reports whether i is on the way to the diversion at.
func (t *trail) passed(i, at int) bool {
	for ; at != start; at = t.before[at] {
		if at == i {
			return true
		}
	}
	return false
}

// use marks the diversions that lead from a PASSporT to the called party. Those from one
// that is itself not valid prove nothing.
func (w *web) use(f *Field) {
	if !w.report.sound(f) {
		return
	}
	for _, i := range f.Diversions {
		w.strands[i].used = true
	}
}

// astray marks the last diversion of a way that ended elsewhere.
func (w *web) astray(path []int) {
	if n := len(path); n > 0 {
		w.strands[path[n-1]].last = true
	}
}

// judge finds fault with every diversion that leads from no PASSporT of the call, sound
// itself, to the called party.
func (w *web) judge() {
	r := w.report
	unsupported, unreadable := false, false
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.Has(passport.PptUnsupported) {
			unsupported = true
		} else if f.Token == nil {
			unreadable = true
		}
	}
	for i := range r.Fields {
		s, f := &w.strands[i], &r.Fields[i]
		if !s.here || s.used {
			continue
		}
		switch {
		case s.changed:
			f.found(passport.DivOrigChanged, "orig", "")
		case !s.fit:
		case s.loops:
			f.found(passport.DivLoop, "div", "")
		case s.deep:
			f.found(passport.DivTooDeep, "div", "")
		case s.last:
			f.found(passport.DivTargetMismatch, "dest", "")
		case unsupported && !w.originals && !unreadable:
			// RFC 8946 section 4.2: a chain from a PASSporT of an unsupported type is ignored.
			f.found(passport.PptUnsupported, "ppt", "the PASSporT that was diverted is of a type that is not known here")
		case !w.originals || s.begun && !s.sound:
			f.found(passport.DivIncomplete, "", "")
		case s.begun:
			f.found(passport.DivBroken, "div", "it leads to somebody else than the called party")
		default:
			f.found(passport.DivBroken, "div", "no other PASSporT of the call is for the party it diverts from")
		}
	}
}
