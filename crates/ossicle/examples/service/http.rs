//! What the platform asks over HTTP: `/metrics` for Prometheus, `/ready` for the load balancer.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

/// Answers until the process ends: the drain is worth watching too.
pub(crate) async fn serve(listener: TcpListener, prometheus: PrometheusHandle, draining: Arc<AtomicBool>) {
    while let Ok((tcp, _)) = listener.accept().await {
        let (prometheus, draining) = (prometheus.clone(), Arc::clone(&draining));
        let service = service_fn(move |request: Request<Incoming>| {
            let (status, text) = match request.uri().path() {
                "/metrics" => (StatusCode::OK, prometheus.render()),
                "/ready" if draining.load(Ordering::Acquire) => {
                    (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned())
                }
                "/ready" => (StatusCode::OK, "ready\n".to_owned()),
                _ => (StatusCode::NOT_FOUND, "/metrics or /ready\n".to_owned()),
            };
            let mut response = Response::new(Full::new(Bytes::from(text)));
            *response.status_mut() = status;
            std::future::ready(Ok::<_, Infallible>(response))
        });
        tokio::spawn(async move {
            // Who asked may have gone.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(tcp), service).await;
        });
    }
}
