module countersign.example/bench

go 1.26.0

require (
	countersign.example v0.0.0
	github.com/asipto/secsipidx v1.3.2
)

require (
	github.com/google/uuid v1.6.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
)

replace countersign.example => ../
