pub fn tests() -> Vec<super::Test> {
    Vec::new()
}
pub fn alone(_: &std::sync::Arc<fluxbase_tests::fixture::Fixture>) -> Vec<libtest_mimic::Trial> {
    Vec::new()
}
