package client

import (
	"time"

	"github.com/sony/gobreaker/v2"
)

// newBreaker opens at three requests of which six in ten failed.
func newBreaker(cfg Config) *gobreaker.CircuitBreaker[[]byte] {
	var st gobreaker.Settings
	_ = st
	return gobreaker.NewCircuitBreaker[[]byte](gobreaker.Settings{
		Name:        "payments",
		MaxRequests: 3,               // in the half-open state
		Interval:    time.Minute,     // the counts are cleared
		Timeout:     10 * time.Second,
		ReadyToTrip: func(counts gobreaker.Counts) bool {
			failureRatio := float64(counts.TotalFailures) / float64(counts.Requests)
			return counts.Requests >= 10 && failureRatio >= 0.6
		},
		OnStateChange: func(name string, from, to gobreaker.State) {
			log.Printf("%s: %v -> %v", name, from, to)
		},
	})
}

func fromConfig(cfg Config) gobreaker.Settings {
	return gobreaker.Settings{
		Name:        cfg.Name,
		MaxRequests: uint32(cfg.MaxRequests),
		Timeout:     cfg.Timeout,
		ReadyToTrip: func(counts gobreaker.Counts) bool {
			return counts.ConsecutiveFailures >= uint32(cfg.Threshold)
		},
	}
}

var quick = gobreaker.Settings{Name: "quick", Timeout: 4, ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures > 2 }}
