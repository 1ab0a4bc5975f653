// Reads dashboards the way Grafana's own library describes them, and names what it does not know in them.
package main

import (
	"errors"
	"fmt"
	"os"
	"sort"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	wrong := false
	for _, path := range os.Args[1:] {
		for _, finding := range findings(path) {
			fmt.Printf("%s: %s\n", path, finding)
			wrong = true
		}
	}
	if wrong {
		os.Exit(1)
	}
}

// findings tells what is wrong with the dashboard in a file: a field that Grafana does not have in this place, a value of
// another type, one outside of its limits.
func findings(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return []string{err.Error()}
	}
	var read dashboard.Dashboard
	if err := read.UnmarshalJSONStrict(text); err != nil {
		return each(err)
	}
	if err := read.Validate(); err != nil {
		return each(err)
	}
	return nil
}

func each(err error) []string {
	var many cog.BuildErrors
	if !errors.As(err, &many) {
		return []string{err.Error()}
	}
	var all []string
	for _, one := range many {
		all = append(all, one.Error())
	}
	sort.Strings(all)
	return all
}
