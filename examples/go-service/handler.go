package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

const maxBody = 1 << 20

type answer struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	TraceID string `json:"trace_id"`
}

func newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/goods/list", listGoods)
	return mux
}

func listGoods(w http.ResponseWriter, r *http.Request) {
	reply := answer{Message: "get goods list success", TraceID: traceID(r)}
	logger.Printf("%s %s trace_id=%s", r.Method, r.URL.Path, reply.TraceID)
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(reply); err != nil {
		logger.Print("answering: ", err)
	}
}

// traceID is the one that the JSON body names, else the one of the W3C traceparent header.
func traceID(r *http.Request) string {
	var body struct {
		TraceID string `json:"trace_id"`
	}
	if r.Method == http.MethodPost {
		err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&body)
		if err == nil && body.TraceID != "" {
			return body.TraceID
		}
	}
	if parts := strings.Split(r.Header.Get("traceparent"), "-"); len(parts) >= 4 {
		return parts[1]
	}
	return ""
}
