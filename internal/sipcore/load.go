package sipcore

// Load is how much an endpoint has in hand.
type Load struct {
	// InHand are requests whose handler has not returned; MaxInHand bounds them.
	InHand int
	// Transactions are server transactions that are remembered; MaxTransactions
	// bounds them. Clients are those of requests we sent.
	Transactions, Clients int
	// Accepted and Opened are connections, those that came in and those we made.
	Accepted, Opened int
	// Draining says that new calls are refused because Run is about to end.
	Draining bool
}

// Load returns how much the endpoint has in hand.
func (e *Endpoint) Load() Load {
	e.mu.Lock()
	l := Load{
		InHand:       e.inHand,
		Transactions: len(e.servers),
		Clients:      len(e.clients),
		Draining:     e.phase >= draining,
	}
	e.mu.Unlock()
	e.conns.mu.Lock()
	l.Accepted, l.Opened = e.conns.accepted, len(e.conns.all)-e.conns.accepted
	e.conns.mu.Unlock()
	return l
}
