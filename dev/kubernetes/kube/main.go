// Kube is every program of a Kubernetes cluster in one binary: the first argument, or the name it is called by, chooses.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
	metrics "sigs.k8s.io/metrics-server/cmd/metrics-server/app"
)

var programs = map[string]func(){
	"coredns": coreDNS,
	"etcd":    func() { etcdmain.Main(os.Args) },
	"forward": forward,
	"kube-apiserver": func() {
		run(apiserver.NewAPIServerCommand())
	},
	"kube-controller-manager": func() {
		run(controllers.NewControllerManagerCommand())
	},
	"kube-proxy": func() {
		run(proxy.NewProxyCommand())
	},
	"kube-scheduler": func() {
		run(scheduler.NewSchedulerCommand())
	},
	"kubectl": func() {
		kubectlutil.CheckErr(cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()))
	},
	// Both take care of signals themselves.
	"kubelet": func() {
		run(kubelet.NewKubeletCommand(context.Background()))
	},
	"metrics-server": func() {
		run(metrics.NewMetricsServerCommand(context.Background().Done()))
	},
}

func main() {
	if program, ok := programs[filepath.Base(os.Args[0])]; ok {
		program()
		return
	}
	if len(os.Args) > 1 {
		if program, ok := programs[os.Args[1]]; ok {
			os.Args = os.Args[1:]
			program()
			return
		}
	}
	names := slices.Sorted(maps.Keys(programs))
	fmt.Fprintf(os.Stderr, "usage: kube {%s} [argument...]\n", strings.Join(names, "|"))
	os.Exit(2)
}

func run(command *cobra.Command) {
	os.Exit(cli.Run(command))
}
