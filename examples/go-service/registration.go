package main

import (
	"context"
	"time"

	"go.etcd.io/etcd/clientv3"
)

const (
	callTimeout = 2 * time.Second
	retryDelay  = 500 * time.Millisecond
)

// registration is one key whose value is this process's address and which lives as long as its lease.
type registration struct {
	client  *clientv3.Client
	key     string
	address string
	ttl     int64 // seconds
	lease   clientv3.LeaseID
}

// hold registers, and registers again whenever the lease is lost, until the context ends.
func (r *registration) hold(ctx context.Context) {
	for ctx.Err() == nil {
		if alive, err := r.register(ctx); err != nil {
			logger.Print("registering: ", err)
		} else {
			for range alive {
				// Each answer renews the lease; the channel closes when the lease is lost.
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryDelay):
		}
	}
}

func (r *registration) register(ctx context.Context) (<-chan *clientv3.LeaseKeepAliveResponse, error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	granted, err := r.client.Grant(call, r.ttl)
	if err != nil {
		return nil, err
	}
	if _, err := r.client.Put(call, r.key, r.address, clientv3.WithLease(granted.ID)); err != nil {
		return nil, err
	}
	r.lease = granted.ID
	logger.Printf("registered %s = %s, lease of %d s", r.key, r.address, granted.TTL)
	return r.client.KeepAlive(ctx, granted.ID)
}

// close revokes the lease, which deletes the key at once instead of when the lease runs out.
// Call it after hold has returned.
func (r *registration) close() error {
	defer r.client.Close()
	if r.lease == clientv3.NoLease {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	_, err := r.client.Revoke(ctx, r.lease)
	return err
}
