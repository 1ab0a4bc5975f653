package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// forward accepts connections in its own network namespace and passes each on to an address in another one.
func forward() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: kube forward LISTEN PID TARGET   (listens here, connects in the network namespace of PID)")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "kube forward:", err)
		os.Exit(1)
	}
}

func serve(listen, pid, target string) error {
	namespace, err := os.Open("/proc/" + pid + "/ns/net")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go pass(connection, namespace, target)
	}
}

func pass(client net.Conn, namespace *os.File, target string) {
	defer client.Close()
	server, err := dialIn(namespace, target)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kube forward:", err)
		return
	}
	defer server.Close()
	done := make(chan struct{})
	go func() {
		copyUntilEnd(server, client)
		close(done)
	}()
	copyUntilEnd(client, server)
	<-done
}

// copyUntilEnd passes on what comes from one side, and that nothing more will come.
func copyUntilEnd(to, from net.Conn) {
	io.Copy(to, from)
	to.(*net.TCPConn).CloseWrite()
}

// dialIn connects to a literal IPv4 address: no name is looked up, so that the connection is made by the one thread
// that has entered the namespace.
func dialIn(namespace *os.File, target string) (net.Conn, error) {
	type result struct {
		connection net.Conn
		err        error
	}
	results := make(chan result, 1)
	go func() {
		// Never unlocked: the thread ends with this goroutine and nobody else gets it.
		runtime.LockOSThread()
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			results <- result{nil, err}
			return
		}
		connection, err := net.Dial("tcp4", target)
		results <- result{connection, err}
	}()
	r := <-results
	return r.connection, r.err
}
