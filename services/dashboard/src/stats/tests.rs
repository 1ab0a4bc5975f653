use super::*;
use crate::reader::MemoryReader;

fn stats(values: &[(&str, &str)]) -> Stats {
    let reader = MemoryReader::default();
    for (key, value) in values {
        reader.set(*key, *value);
    }
    Stats::new(Arc::new(reader))
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[tokio::test]
async fn totals_round_half_up() {
    for (revenue, orders, expected) in [
        ("0", "0", r#"{"totalRevenue":0,"totalOrders":0,"avgOrderValue":0}"#),
        ("10", "4", r#"{"totalRevenue":10,"totalOrders":4,"avgOrderValue":3}"#),
        ("9", "4", r#"{"totalRevenue":9,"totalOrders":4,"avgOrderValue":2}"#),
        ("5", "3", r#"{"totalRevenue":5,"totalOrders":3,"avgOrderValue":2}"#),
        ("4", "3", r#"{"totalRevenue":4,"totalOrders":3,"avgOrderValue":1}"#),
        ("1", "1", r#"{"totalRevenue":1,"totalOrders":1,"avgOrderValue":1}"#),
    ] {
        let stats = stats(&[("revenue:total", revenue), ("orders:total", orders)]);
        assert_eq!(json(&*stats.totals().await.unwrap()), expected);
    }
}

#[tokio::test]
async fn totals_without_keys_are_zero() {
    let expected = r#"{"totalRevenue":0,"totalOrders":0,"avgOrderValue":0}"#;
    assert_eq!(json(&*stats(&[]).totals().await.unwrap()), expected);
}

#[tokio::test]
async fn totals_beyond_64_bits_stay_exact() {
    let largest = i128::MAX.to_string();
    let stats = stats(&[("revenue:total", &largest), ("orders:total", "2")]);
    let expected = r#"{"totalRevenue":170141183460469231731687303715884105727,"totalOrders":2,"avgOrderValue":85070591730234615865843651857942052864}"#;
    assert_eq!(json(&*stats.totals().await.unwrap()), expected);
}

#[tokio::test]
async fn a_value_that_is_no_integer_is_named() {
    let stats = stats(&[("revenue:total", "1.5e9")]);
    let error = stats.totals().await.unwrap_err();
    assert_eq!(error.to_string(), r#"key "revenue:total" holds no decimal integer"#);
}

#[tokio::test]
async fn cities_are_sorted_and_the_catalogue_is_complete() {
    let stats = stats(&[
        ("revenue:city:Huế", "7"),
        ("revenue:city:Đà Nẵng", "50"),
        ("revenue:city:HCM", "7"),
        ("revenue:city:(other)", "100"),
        ("revenue:cityX", "no number, no city"),
    ]);
    assert_eq!(
        json(&*stats.cities().await.unwrap()),
        r#"[{"city":"(other)","revenue":100},{"city":"Đà Nẵng","revenue":50},{"city":"HCM","revenue":7},{"city":"Huế","revenue":7},{"city":"Cần Thơ","revenue":0},{"city":"Hà Nội","revenue":0},{"city":"Hải Phòng","revenue":0}]"#
    );
}

#[tokio::test]
async fn products_are_sorted_by_orders_then_name() {
    let stats = stats(&[
        ("orders:product:Laptop", "2"),
        ("orders:product:Bàn phím", "2"),
        ("orders:product:Tai nghe", "11"),
    ]);
    assert_eq!(
        json(&*stats.products().await.unwrap()),
        r#"[{"product":"Tai nghe","orders":11},{"product":"Bàn phím","orders":2},{"product":"Laptop","orders":2}]"#
    );
}

#[tokio::test]
async fn hours_are_contiguous_and_end_at_the_newest() {
    let stats = stats(&[
        ("revenue:hourly:2026-11-22T23", "100"),
        ("orders:hourly:2026-11-22T23", "1"),
        ("revenue:hourly:2026-11-23T01", "300"),
        ("orders:hourly:2026-11-23T01", "3"),
        ("revenue:hourly:2026-11-20T00", "999"),
        ("revenue:hourly:yesterday", "5"),
    ]);
    assert_eq!(
        json(&stats.hourly(4).await.unwrap()),
        r#"[{"hour":"2026-11-22T22","revenue":0,"orders":0},{"hour":"2026-11-22T23","revenue":100,"orders":1},{"hour":"2026-11-23T00","revenue":0,"orders":0},{"hour":"2026-11-23T01","revenue":300,"orders":3}]"#
    );
    assert_eq!(
        json(&stats.hourly(1).await.unwrap()),
        r#"[{"hour":"2026-11-23T01","revenue":300,"orders":3}]"#
    );
}

#[tokio::test]
async fn no_orders_no_hours() {
    assert_eq!(json(&stats(&[]).hourly(24).await.unwrap()), "[]");
}

#[tokio::test]
async fn trends_show_windows_shortest_first_and_numbers_as_written() {
    let stats = stats(&[
        ("trend:as-of", "2026-11-22T17:05:00.000Z"),
        ("trend:window:1h", r#"{"window":"1h","revenue":170141183460469231731687303715884105727}"#),
        ("trend:window:5m", r#"{"window":"5m"}"#),
    ]);
    assert_eq!(
        json(&*stats.trends().await.unwrap()),
        r#"{"asOf":"2026-11-22T17:05:00.000Z","windows":[{"window":"5m"},{"window":"1h","revenue":170141183460469231731687303715884105727}]}"#
    );
}

#[tokio::test]
async fn trends_before_the_first_order_are_empty() {
    assert_eq!(json(&*stats(&[]).trends().await.unwrap()), r#"{"asOf":null,"windows":[]}"#);
}

#[tokio::test]
async fn a_trend_window_that_is_no_object_is_named() {
    let error = stats(&[("trend:window:5m", "[]")]).trends().await.unwrap_err();
    assert_eq!(error.to_string(), r#"key "trend:window:5m" holds no JSON object"#);
}
