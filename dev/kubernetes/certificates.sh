# The certificates of a cluster, and the kubeconfigs made with them. Sourced by the scripts beside it, never run by
# itself. They lie in $data/pki; the key of the authority never leaves it.
# shellcheck shell=bash
# shellcheck disable=SC2154 # the script that reads this in says which directory it works in: $data

# Certificate $1 for subject $2, and for the names and addresses $3, when it has any; signed by authority $4.
certificate() {
  local name=$1 subject=$2 names=${3:-} authority=${4:-ca} pki=$data/pki
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$pki/$name.key" -subj "$subject" \
    -out "$pki/$name.csr" 2> /dev/null
  openssl x509 -req -in "$pki/$name.csr" -CA "$pki/$authority.crt" -CAkey "$pki/$authority.key" -CAcreateserial \
    -days 365 -out "$pki/$name.crt" 2> /dev/null -extfile <(
      printf '%s\n' basicConstraints=CA:FALSE keyUsage=digitalSignature,keyEncipherment \
        extendedKeyUsage=serverAuth,clientAuth "${names:+subjectAltName=$names}"
    )
  rm "$pki/$name.csr"
}

authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$1" \
    -keyout "$data/pki/$1.key" -out "$data/pki/$1.crt" 2> /dev/null
}

# The authorities, the API server's own certificates, and one for each program that speaks to it; made once.
# $1 is the address it is reached at besides 127.0.0.1.
certificates() {
  local address=$1 pki=$data/pki local_names
  [[ -f $pki/complete ]] && return
  mkdir -p "$pki"
  chmod 700 "$pki"
  authority ca
  # Who speaks to an extension API server in a user's name is another matter than who the user is.
  authority front-proxy-ca
  openssl genrsa -out "$pki/service-accounts.key" 2048 2> /dev/null
  openssl rsa -in "$pki/service-accounts.key" -pubout -out "$pki/service-accounts.pub" 2> /dev/null
  local_names=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
  certificate apiserver /CN=kube-apiserver "$local_names,IP:127.0.0.1,IP:10.96.0.1,IP:$address"
  certificate apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
  certificate front-proxy-client /CN=front-proxy-client "" front-proxy-ca
  certificate admin /O=system:masters/CN=admin
  certificate kube-controller-manager /CN=system:kube-controller-manager
  touch "$pki/complete"
}

# Writes $2: the kubeconfig of the user with certificate $1, for the API server at $3.
kubeconfig() {
  local name=$1 file=$2 server=$3 pki=$data/pki
  (
    umask 077
    cat > "$file" << YAML
apiVersion: v1
kind: Config
current-context: millrace
contexts: [{name: millrace, context: {cluster: millrace, user: $name}}]
clusters:
- name: millrace
  cluster:
    server: $server
    certificate-authority-data: $(base64 -w 0 "$pki/ca.crt")
users:
- name: $name
  user:
    client-certificate-data: $(base64 -w 0 "$pki/$name.crt")
    client-key-data: $(base64 -w 0 "$pki/$name.key")
YAML
  )
}
