//! The demo as a newcomer runs it: one command, nothing installed.

#[path = "support/program.rs"]
mod program;

use program::{Program, free_port, get_json, until};

#[test]
fn orders_flow_from_the_shop_to_the_page() {
    let (page, admin) = (free_port(), free_port());
    let (listen, admin_listen) = (format!("127.0.0.1:{page}"), format!("127.0.0.1:{admin}"));
    let arguments = ["demo", "--rate", "50", "--listen", &listen, "--admin-listen", &admin_listen];
    let mut demo = Program::start(&arguments, &[]);
    assert_eq!(demo.first_line(), format!("Millrace demo: open http://localhost:{page}"));

    until("everything is ready", || Some(get_json(admin, "/readyz")?.as_array()?.is_empty()));
    let orders = || get_json(page, "/api/stats")?["totalOrders"].as_u64();
    until("orders are counted", || Some(orders()? > 0));
    let before = orders().unwrap_or_default();
    until("more orders are counted", || Some(orders()? > before));
    until("a city has revenue", || Some(get_json(page, "/api/stats/cities")?[0]["revenue"].as_u64()? > 0));
    until("an alert is shown", || Some(get_json(page, "/api/alerts")?[0]["alertId"].is_string()));
    until("trends are shown", || Some(get_json(page, "/api/trends")?["asOf"].is_string()));

    let ended = demo.signal("INT").end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("data is gone"), "{}", ended.stdout);
}
