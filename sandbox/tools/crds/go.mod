// Custom resource definitions as data: modules whose folders hold them. Nothing here is compiled, so `go mod tidy` would
// empty this file; `go mod download` fetches what it names.
module triton-stack/sandbox/tools/crds

go 1.25.0

require (
	github.com/external-secrets/external-secrets v1.3.2
	github.com/kedacore/keda/v2 v2.20.2
	github.com/openshift/api v0.0.0-20251015095338-264e80a2b6e7
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/gateway-api v1.4.0
)
