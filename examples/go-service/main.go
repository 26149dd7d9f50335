// A goods service that registers itself with etcd's own client, as services behind Watchgate do:
// it grants a lease, puts its address under the lease, keeps the lease alive, and revokes it on
// SIGTERM. Nothing in it knows of the gateway.
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/clientv3"
)

// A logger of its own: the etcd client redirects the one that package log shares.
var logger = log.New(os.Stderr, "goods: ", 0)

func main() {
	if err := run(); err != nil {
		logger.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	listener, err := net.Listen("tcp", env("GOODS_LISTEN", "127.0.0.1:0"))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newHandler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()

	registration, err := newRegistration(listener.Addr().String())
	if err != nil {
		return err
	}
	held := make(chan struct{})
	go func() {
		registration.hold(ctx)
		close(held)
	}()

	select {
	case err = <-failed:
		stop()
	case <-ctx.Done():
	}
	// Leaving the registry comes first: requests that are already on their way still find the server.
	<-held
	if closeErr := registration.close(); closeErr != nil {
		logger.Print("leaving the registry: ", closeErr)
	}
	if err != nil {
		return err
	}
	return shutdown(server)
}

// shutdown gives gateways a moment to see the registration go, then lets requests in flight finish.
func shutdown(server *http.Server) error {
	time.Sleep(500 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func newRegistration(listening string) (*registration, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	ttl, err := strconv.ParseInt(env("GOODS_TTL", "3"), 10, 64)
	if err != nil {
		return nil, errors.New("GOODS_TTL is not a whole number of seconds")
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   strings.Split(env("ETCD_ENDPOINTS", "http://127.0.0.1:2379"), ","),
		Username:    os.Getenv("ETCD_USERNAME"),
		Password:    os.Getenv("ETCD_PASSWORD"),
		DialTimeout: 5 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	prefix := strings.TrimRight(env("GOODS_PREFIX", "/service_registry_discovery"), "/")
	return &registration{
		client:  client,
		key:     prefix + "/goods/" + env("GOODS_HOST_KEY", host),
		address: env("GOODS_ADDRESS", listening),
		ttl:     ttl,
	}, nil
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
