// Answers templates as Go's own text/template does: one JSON object a line in, {"template": base64}, one out, {"out": base64, "error": text}.
// `out` is what was written before the error, if there is one. Only Go's standard library is used. `make go-answers` runs it.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path"
	"strconv"
	"strings"
	"text/template"
)

type question struct {
	Template []byte `json:"template"`
}

type answer struct {
	Out   []byte `json:"out"`
	Error []byte `json:"error"`
}

var functions = template.FuncMap{
	"base": path.Base, "dir": path.Dir, "split": strings.Split, "join": strings.Join,
	"toUpper": strings.ToUpper, "toLower": strings.ToLower, "contains": strings.Contains,
	"replace": strings.Replace, "trimSuffix": strings.TrimSuffix,
	"parseBool": strconv.ParseBool, "atoi": strconv.Atoi,
	"base64Encode": func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) },
	"base64Decode": func(text string) (string, error) {
		data, err := base64.StdEncoding.DecodeString(text)
		return string(data), err
	},
	"add": func(a, b int) int { return a + b },
	"sub": func(a, b int) int { return a - b },
	"mul": func(a, b int) int { return a * b },
	"div": func(a, b int) int { return a / b },
	"mod": func(a, b int) int { return a % b },
	"seq": func(first, last int) (all []int) {
		for ; first <= last; first++ {
			all = append(all, first)
		}
		return all
	},
	"json": func(text string) (object map[string]interface{}, err error) {
		err = json.Unmarshal([]byte(text), &object)
		return object, err
	},
	"jsonArray": func(text string) (list []interface{}, err error) {
		err = json.Unmarshal([]byte(text), &list)
		return list, err
	},
	"map": func(pairs ...interface{}) (map[string]interface{}, error) {
		if len(pairs)%2 == 1 {
			return nil, errors.New("invalid map call")
		}
		made := map[string]interface{}{}
		for at := 0; at < len(pairs); at += 2 {
			key, isText := pairs[at].(string)
			if !isText {
				return nil, errors.New("map keys must be strings")
			}
			made[key] = pairs[at+1]
		}
		return made, nil
	},
}

func answered(source string) answer {
	parsed, err := template.New("t").Funcs(functions).Parse(source)
	if err != nil {
		return answer{Error: []byte(err.Error())}
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, nil); err != nil {
		return answer{Out: out.Bytes(), Error: []byte(err.Error())}
	}
	return answer{Out: out.Bytes()}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		if err := answers.Encode(answered(string(asked.Template))); err != nil {
			panic(err)
		}
	}
}
