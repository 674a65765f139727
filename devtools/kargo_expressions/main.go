// Evaluates the expressions of promotion steps with Kargo's own code, one question and one answer per line of JSON.
//
// {"config": {...}, "env": {...}, "tag": "..."} is the configuration of a step: every ${{ }} in it is replaced.
// {"expression": "...", "env": {...}} is a bare expression, as the http step has them.
// The answer is {"value": ...} or {"error": "..."}.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/akuity/kargo/pkg/expressions"
	"github.com/expr-lang/expr"
	"go.yaml.in/yaml/v3"
)

type question struct {
	Config     json.RawMessage `json:"config"`
	Expression string          `json:"expression"`
	Env        map[string]any  `json:"env"`
	Tag        string          `json:"tag"`
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		value, err := answer(line)
		if err != nil {
			err = answers.Encode(map[string]string{"error": err.Error()})
		} else {
			err = answers.Encode(map[string]any{"value": value})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func answer(line []byte) (any, error) {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return nil, err
	}
	if asked.Config == nil {
		whole(asked.Env)
		program, err := expr.Compile(asked.Expression)
		if err != nil {
			return nil, err
		}
		return expr.Run(program, asked.Env)
	}
	// Of the functions that Kargo adds, the one that our stages use.
	imageFrom := expr.Function("imageFrom", func(...any) (any, error) {
		return map[string]any{"Tag": asked.Tag}, nil
	})
	text, err := expressions.EvaluateJSONTemplate(asked.Config, asked.Env, imageFrom)
	if err != nil {
		return nil, err
	}
	// As Kargo does: what JSON may hold and YAML may not would show here.
	var config map[string]any
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("Kargo would go on with an empty configuration: %w", err)
	}
	return config, nil
}

// whole makes a status a whole number, as it is in Kargo.
func whole(env map[string]any) {
	if response, ok := env["response"].(map[string]any); ok {
		if status, ok := response["status"].(float64); ok {
			response["status"] = int64(status)
		}
	}
}
