use super::{NOW, Scratch, order, writer};
use crate::config::Transport;
use crate::mail::order::Kind;
use crate::mail::post::{Post, Undelivered};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn open(path: &Path) -> Post {
    let transport = Transport::File(path.to_owned());
    Post::open(&transport, "example.com").unwrap().unwrap()
}

async fn deliver(post: &Post) -> Result<(), Undelivered> {
    let order = order(Kind::PasswordReset);
    let letter = writer("", None).write(&order, NOW).ok().unwrap();
    post.deliver(&order, letter, NOW).await
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[actix_web::test]
async fn a_letter_becomes_a_file_for_its_owner_alone() {
    let scratch = Scratch::new("files");
    let path = scratch.path().join("new/mail");
    let post = open(&path);
    deliver(&post).await.unwrap();
    let name = "20261124T105500Z-password_reset-7f1c1a52-4c4e-4d0b-9a43-0d6f4c6f6f01.eml";
    assert_eq!(names(&path), [name]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join(name)), 0o600);
    let text = fs::read_to_string(path.join(name)).unwrap();
    assert!(text.contains("To: ann@example.com\r\n"), "{text}");
    // A second time, over what a crash left.
    fs::write(path.join(format!(".{name}.new")), "half").unwrap();
    deliver(&post).await.unwrap();
    assert_eq!(names(&path), [name]);
    assert_eq!(mode(&path.join(name)), 0o600);
}

#[actix_web::test]
async fn a_directory_that_went_away_is_said_without_the_letter() {
    let scratch = Scratch::new("lost");
    let path = scratch.path().join("mail");
    let post = open(&path);
    fs::remove_dir(&path).unwrap();
    let reason = deliver(&post).await.unwrap_err().to_string();
    assert!(reason.starts_with("cannot write the file: "), "{reason}");
    assert!(
        !reason.contains("token") && !reason.contains('@'),
        "{reason}"
    );
}

#[test]
fn a_directory_that_cannot_be_made_stops_the_start() {
    let scratch = Scratch::new("taken");
    scratch.write("file", "");
    let transport = Transport::File(scratch.path().join("file/mail"));
    let error = Post::open(&transport, "example.com").err().unwrap();
    assert!(error.to_string().starts_with("email.directory "), "{error}");
}
