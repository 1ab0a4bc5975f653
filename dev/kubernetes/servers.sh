# The servers behind a Kubernetes API, started in the background. Sourced by the scripts beside it, never run by itself.
# shellcheck shell=bash
# shellcheck disable=SC2154 # the script that reads this in says which program runs them ($kube) and where ($data)

# Program $1 with the arguments that follow: log and pid are in $data under its name.
start_program() {
  local name=$1
  program_runs "$name" && return
  start "$data/$name.pid" "$data/$name.log" "$kube" "$@"
}

# Program $1 of this directory is running.
program_runs() {
  is_ours "$data/$1.pid" "$kube $1 "
}

# $1 is the port of clients; the one after it is for other members, of which there are none.
start_etcd() {
  local clients=http://127.0.0.1:$1 peers=http://127.0.0.1:$(($1 + 1))
  # Nothing here must survive a power failure.
  start_program etcd --data-dir "$data/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls "$clients" --advertise-client-urls "$clients" \
    --listen-peer-urls "$peers" --initial-advertise-peer-urls "$peers" --initial-cluster "default=$peers"
}

# $1 is its own port, $2 that of etcd; what follows are further flags.
start_apiserver() {
  local port=$1 etcd_port=$2 pki=$data/pki
  shift 2
  start_program kube-apiserver --secure-port "$port" --etcd-servers "http://127.0.0.1:$etcd_port" \
    --service-cluster-ip-range 10.96.0.0/16 --authorization-mode Node,RBAC \
    --enable-admission-plugins NodeRestriction --allow-privileged=true --profiling=false \
    --client-ca-file "$pki/ca.crt" --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
    --service-account-issuer https://kubernetes.default.svc \
    --service-account-key-file "$pki/service-accounts.pub" \
    --service-account-signing-key-file "$pki/service-accounts.key" \
    --kubelet-client-certificate "$pki/apiserver-kubelet-client.crt" \
    --kubelet-client-key "$pki/apiserver-kubelet-client.key" --kubelet-certificate-authority "$pki/ca.crt" \
    --kubelet-preferred-address-types InternalIP \
    --requestheader-client-ca-file "$pki/front-proxy-ca.crt" \
    --requestheader-allowed-names front-proxy-client --requestheader-username-headers X-Remote-User \
    --requestheader-group-headers X-Remote-Group --requestheader-extra-headers-prefix X-Remote-Extra- \
    --proxy-client-cert-file "$pki/front-proxy-client.crt" --proxy-client-key-file "$pki/front-proxy-client.key" \
    --enable-aggregator-routing=true "$@"
}

# It ends at once when it starts before the API server is ready: the roles it needs are not there yet.
# $1 is its kubeconfig; what follows are further flags.
start_controllers() {
  local config=$1
  shift
  start_program kube-controller-manager --kubeconfig "$config" --secure-port 0 --leader-elect=false \
    --use-service-account-credentials=true --root-ca-file "$data/pki/ca.crt" \
    --service-account-private-key-file "$data/pki/service-accounts.key" --profiling=false \
    --horizontal-pod-autoscaler-sync-period 2s --horizontal-pod-autoscaler-initial-readiness-delay 5s \
    --horizontal-pod-autoscaler-cpu-initialization-period 10s "$@"
}

# Waits until the API server at port $1 of 127.0.0.1 is ready; not longer than 120 s, nor than program $2 runs, which
# has to for that.
wait_until_ready() {
  local port=$1 needed=$2 tenths pki=$data/pki
  for ((tenths = 1200; tenths > 0; tenths--)); do
    [[ $(curl -s --max-time 2 --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" \
      "https://127.0.0.1:$port/readyz" 2> /dev/null) == ok ]] && return
    has_ended "$(< "$data/$needed.pid")" && return 1
    sleep 0.1
  done
  return 1
}
