//! Runs the engine on tokio: shard threads, sockets, TLS, HTTP/2 and proxies
