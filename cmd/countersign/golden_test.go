package main

import "flag"

// update rewrites the golden output in the scripts.
var update = flag.Bool("update", false, "rewrite golden files")
