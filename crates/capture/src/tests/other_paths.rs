//! Flags, remote config and what else clients ask for.

use super::*;

#[tokio::test]
async fn flags_answer_every_version() {
    let server = Server::new();
    for path in [
        "/flags/?v=4",
        "/flags?v=2",
        "/flags/?v=2&config=true",
        "/decide/?v=3",
        "/decide/?v=2",
        "/decide",
    ] {
        for body in [
            json!({"token": TOKEN, "distinct_id": "a"}),
            json!({"api_key": TOKEN}),
        ] {
            for body in [body.to_string().into_bytes(), gzip(&body.to_string())] {
                let reply = server.post(path, body).await;
                assert_eq!(reply.status, StatusCode::OK, "{path}");
                let json = reply.json();
                assert_eq!(
                    json.as_object().unwrap().keys().collect::<Vec<_>>(),
                    [
                        "flags",
                        "featureFlags",
                        "featureFlagPayloads",
                        "errorsWhileComputingFlags",
                        "requestId",
                        "evaluatedAt",
                        "config",
                        "toolbarParams",
                        "isAuthenticated",
                        "supportedCompression",
                        "sessionRecording",
                        "siteApps",
                        "autocapture_opt_out",
                        "elementsChainAsString",
                    ]
                );
                assert_eq!(json["config"], json!({"enable_collect_everything": true}));
                assert_eq!(json["evaluatedAt"], now().timestamp_millis());
            }
        }
    }
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let data = "data=eyJ0b2tlbiI6InBoY190ZXN0In0%3D";
    assert_eq!(
        server
            .call(Method::POST, "/decide/?v=2&compression=base64", &form, data)
            .await
            .status,
        StatusCode::OK
    );
    assert_eq!(
        server
            .post("/flags/", json!({"token": "phc_no"}).to_string())
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        server.post("/flags/", "{}").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(server.post("/flags/", "").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        server
            .call(Method::GET, "/flags/", &[], Body::empty())
            .await
            .json()["flags"],
        json!({})
    );
    let head = server.call(Method::HEAD, "/flags/", &[], Body::empty()).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    let preflight = server
        .call(
            Method::OPTIONS,
            "/flags/",
            &[("Origin", "https://a")],
            Body::empty(),
        )
        .await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.headers["access-control-allow-origin"], "https://a");
}

#[tokio::test]
async fn remote_config() {
    let server = Server::new();
    let get = |path: String| async { server.call(Method::GET, &{ path }, &[], Body::empty()).await };
    let reply = get(format!("/array/{TOKEN}/config")).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.headers["cache-control"], "public, max-age=300");
    let config = reply.json();
    assert_eq!(
        (&config["autocapture_opt_out"], &config["hasFeatureFlags"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(config["analytics"]["endpoint"], "/i/v0/e/");
    for script in ["config.js", "array.js"] {
        let reply = get(format!("/array/{TOKEN}/{script}")).await;
        assert!(
            reply.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("application/javascript")
        );
        let text = String::from_utf8(reply.body).unwrap();
        assert!(
            text.contains(&format!(
                "window._POSTHOG_REMOTE_CONFIG[\"{TOKEN}\"] = {{config: {{\"token\""
            )),
            "{text}"
        );
    }
    for path in [
        "/array/phc_no/config",
        "/array/phc_no/config.js",
        "/array/phx_x/array.js",
        "/static/array.js",
        "/static/1.2/x.js",
    ] {
        assert_eq!(get(path.to_owned()).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn local_evaluation() {
    let server = Server::new();
    for path in ["/flags/definitions", "/api/feature_flag/local_evaluation/"] {
        let bearer = ("Authorization", "Bearer phx_key");
        let uri = format!("{path}?token={TOKEN}&send_cohorts");
        let reply = server.call(Method::GET, &uri, &[bearer], Body::empty()).await;
        assert_eq!(
            reply.json(),
            json!({"flags": [], "group_type_mapping": {}, "cohorts": {}})
        );
        let tag = reply.headers["etag"].to_str().unwrap();
        let again = server
            .call(
                Method::GET,
                &uri,
                &[bearer, ("If-None-Match", tag)],
                Body::empty(),
            )
            .await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
        assert_eq!(
            server.call(Method::GET, &uri, &[], Body::empty()).await.status,
            StatusCode::UNAUTHORIZED
        );
        let uri = format!("{path}?token=phc_no");
        assert_eq!(
            server
                .call(Method::GET, &uri, &[bearer], Body::empty())
                .await
                .status,
            StatusCode::UNAUTHORIZED
        );
    }
}

#[tokio::test]
async fn what_there_is_none_of() {
    let server = Server::new();
    for (path, key) in [
        ("/api/surveys/?token=x", "surveys"),
        ("/api/early_access_features/?token=x", "earlyAccessFeatures"),
        ("/api/web_experiments/?token=x", "experiments"),
        ("/api/product_tours/?token=x", "product_tours"),
    ] {
        assert_eq!(
            server.call(Method::GET, path, &[], Body::empty()).await.json(),
            json!({key: []})
        );
    }
    for path in ["/s", "/s/?compression=gzip-js"] {
        let reply = server.post(path, "anything").await;
        assert_eq!(
            (reply.status, &reply.json()["quota_limited"]),
            (StatusCode::OK, &json!(["recordings"]))
        );
    }
}
