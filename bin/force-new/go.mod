// Reads the provider's source as text, by Go's own parser: nothing of it is compiled, and no module is needed.
module triton-stack/force-new

go 1.26
