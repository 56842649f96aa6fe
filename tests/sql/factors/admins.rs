pub fn tests() -> Vec<super::Test> {
    Vec::new()
}
