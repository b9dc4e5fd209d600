// Command bench measures what the README and the decisions boast of, side by side in
// one run: the operations of Countersign, those of the standard library that they
// stand on, and those of an independent implementation. Figures are ratios of
// processor time, taken turn by turn, as medians with their range, since absolute
// times differ from machine to machine and from hour to hour.
//
// It is a module of its own so that nobody who imports Countersign inherits what it
// is compared with.
package main
