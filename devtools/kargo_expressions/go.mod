module kargo-expressions

go 1.26.0

require (
	github.com/akuity/kargo v1.11.2
	github.com/expr-lang/expr v1.17.8
	go.yaml.in/yaml/v3 v3.0.4
)
