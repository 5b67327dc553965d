use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::*;
use crate::core::event::{Pid, TransactionStatus};
use crate::core::syntax::Strings;
use crate::debugger::breakpoints::{HoldMode, Rules};
use crate::debugger::guests::State;
use crate::gateway::{Form, Mode, StatementContext, StatementHooks as _, Verdict};
use crate::run::guests::GuestNews;

/// How long anything may take on a busy machine before a test gives up.
const LONG: Duration = Duration::from_secs(30);

/// A debugger that holds everything, with its control socket in a folder of the test's.
struct Play {
    debugger: Arc<Debugger>,
    control: Control,
    folder: tempfile::TempDir,
    _news: tokio::sync::mpsc::Receiver<GuestNews>,
}

impl Play {
    fn start(named: Option<&str>) -> Self {
        Self::with_arrival(named, server::ARRIVAL)
    }

    fn with_arrival(named: Option<&str>, arrival: Duration) -> Self {
        let rules = Rules { mode: HoldMode::Everything, ..Rules::default() };
        let (debugger, news) = Debugger::start(rules);
        let folder = tempfile::tempdir().unwrap();
        let named = named.map(|named| named.parse().unwrap());
        let folders = [folder.path().to_owned()];
        let control = Control::start_in(&folders, &debugger, named.as_ref(), arrival).unwrap();
        assert_eq!(control.doubts(), [] as [&str; 0]);
        Self { debugger, control, folder, _news: news }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join(format!("{}.sock", std::process::id()))
    }

    async fn client(&self) -> Client {
        Client::connect(&Address::Socket(self.socket())).await.unwrap()
    }

    async fn raw(&self) -> UnixStream {
        UnixStream::connect(self.socket()).await.unwrap()
    }

    /// Somebody's statement, which is held.
    fn send(&self, id: u64, name: &str, sql: &'static str) -> tokio::task::JoinHandle<Verdict> {
        let client = Arc::new(crate::gateway::Client {
            id: crate::gateway::ClientId(id),
            pid: Pid(i32::try_from(id).unwrap()),
            mode: Mode::PassThrough,
            came_by: Some(([127, 0, 0, 1], 5433).into()),
            parameters: vec![("application_name".to_owned(), name.to_owned())],
        });
        let debugger = Arc::clone(&self.debugger);
        tokio::spawn(async move {
            debugger.joined(&client);
            let statement = StatementContext {
                client: &client,
                application: client.application(),
                sql,
                parameters: &[],
                form: Form::Query,
                status: TransactionStatus::Idle,
                strings: Strings::default(),
            };
            debugger.before_statement(statement).await
        })
    }

    /// Until nobody is connected any more.
    async fn nobody_is_connected(&self) {
        // Whoever listens has a place ready for the next that comes.
        let all = server::CONNECTIONS - self.control.serving.len();
        let all = self.control.places.acquire_many(u32::try_from(all).unwrap());
        drop(timeout(LONG, all).await.expect("they leave").unwrap());
    }
}

fn wait(expression: &str, milliseconds: u64) -> WaitRequest {
    WaitRequest { expression: expression.to_owned(), timeout_ms: Some(milliseconds) }
}

fn refused<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    match answer {
        Answer::Misuse(refused) => format!("misuse: {}", refused.error),
        Answer::NotSo(refused) => refused.error,
        Answer::Done(done) => panic!("{done:?}"),
    }
}

/// A request as it goes over the wire.
fn request(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// All that comes, to the end of the connection.
async fn to_the_end(mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut text = String::new();
    timeout(LONG, stream.read_to_string(&mut text)).await.expect("it ends").unwrap();
    text
}

#[tokio::test]
async fn who_waits_is_answered_when_it_is_so_and_who_is_released_goes_on() {
    let play = Play::start(None);
    let mut waiting = play.client().await;
    let waited = tokio::spawn(async move {
        waiting.post::<Standing>("/wait", &wait("alice held 'update seats'", 30_000), LONG).await
    });
    let verdict = play.send(1, "alice", "update seats set a = 1");
    let Answer::Done(Standing { state }) = waited.await.unwrap().unwrap() else { panic!() };
    assert_eq!(state.of("alice").unwrap().held.as_ref().unwrap().tables[..], ["seats"]);
    let asked = ReleaseRequest { name: Some("alice".to_owned()), ..ReleaseRequest::default() };
    let mut client = play.client().await;
    let released = client.post::<Released>("/release", &asked, LONG).await.unwrap();
    let expected = Released { released: vec!["alice".to_owned()], met: Vec::new() };
    assert_eq!(released, Answer::Done(expected));
    assert_eq!(verdict.await.unwrap(), Verdict::Pass);
    let again = client.post::<Released>("/release", &asked, LONG).await.unwrap();
    assert_eq!(refused(again), "nothing of alice is held");
    let Answer::Done(state) = client.get::<State>("/state").await.unwrap() else { panic!() };
    assert_eq!(state, play.debugger.state());
}

#[tokio::test]
async fn of_several_none_goes_where_one_is_not_held() {
    let play = Play::start(None);
    let _verdict = play.send(1, "alice", "update seats set a = 1");
    play.debugger.wait_for(|state| state.of("alice").is_some()).await;
    let mut client = play.client().await;
    let names = Some(vec!["alice".to_owned(), "bob".to_owned()]);
    let asked = ReleaseRequest { names, ..ReleaseRequest::default() };
    let answer = client.post::<Released>("/release", &asked, LONG).await.unwrap();
    assert_eq!(refused(answer), "nothing of bob is held");
    assert!(play.debugger.state().of("alice").unwrap().held.is_some());
}

#[tokio::test]
async fn what_does_not_become_so_is_told_with_what_is_so_instead() {
    let play = Play::start(None);
    let _verdict = play.send(1, "alice", "update seats set a = 1");
    play.debugger.wait_for(|state| state.of("alice").is_some()).await;
    let mut client = play.client().await;
    let answer = client.post::<Standing>("/wait", &wait("alcie held", 1), LONG).await.unwrap();
    let words = refused(answer);
    assert!(words.starts_with("`alcie held` has not become so within 0."), "{words}");
    assert!(words.contains("alice is held (updates seats"), "{words}");
    assert!(words.ends_with("(nobody is called alcie; did you mean alice?)"), "{words}");
}

#[tokio::test]
async fn what_is_asked_wrongly_is_told_in_a_sentence() {
    let play = Play::start(None);
    let mut client = play.client().await;
    let answer = client.post::<Standing>("/wait", &wait("alice hold", 1), LONG).await.unwrap();
    assert_eq!(
        refused(answer),
        "misuse: expression `alice hold`, column 7: there is no state `hold`; did you mean held?"
    );
    for (path, asked, expected) in [
        ("/release", "{}", "say who: a `name`, `names`, or `all`"),
        ("/release", r#"{"nome": "a"}"#, "the request cannot be read: unknown field `nome`"),
        ("/release", r#"{"all": true, "together": true}"#, "start with --gate TABLE"),
        ("/release", r#"{"all": true}"#, "nothing is held"),
        ("/answer", r#"{"name": "a", "answer": "1"}"#, "no answer `1`; it is one of 57014, 40001"),
        ("/answer", r#"{"name": "a", "answer": "40001"}"#, "nothing of a is held"),
        ("/hold", r#"{"mode": "all"}"#, "there is no mode `all`; it is watch"),
        ("/breakpoints", r#"{"breakpoints": ["writ a"]}"#, "did you mean write?"),
        ("/wait", r#"{"expression": "a held", "timeout_ms": 9999999}"#, "at most an hour"),
        ("/nowhere", "{}", "there is no /nowhere; there are GET /state and POST /wait"),
        ("/state", "{}", "/state is not asked by POST; there are GET /state"),
    ] {
        let asked: serde_json::Value = serde_json::from_str(asked).unwrap();
        let answer = client.post::<Standing>(path, &asked, LONG).await.unwrap();
        let words = refused(answer);
        assert!(words.contains(expected), "{path}: {words}");
    }
}

#[tokio::test]
async fn orders_by_a_socket_are_those_of_the_keys() {
    let play = Play::start(None);
    let verdict = play.send(1, "alice", "update seats set a = 1");
    play.debugger.wait_for(|state| state.of("alice").is_some()).await;
    let mut client = play.client().await;
    let asked = AnswerRequest { name: "alice".to_owned(), answer: "40p01".to_owned() };
    client.post::<Standing>("/answer", &asked, LONG).await.unwrap();
    let Verdict::Refuse { code, .. } = verdict.await.unwrap() else { panic!() };
    assert_eq!(code, "40P01");
    let asked = BreakpointsRequest { breakpoints: vec!["write seats".to_owned()] };
    client.post::<Standing>("/breakpoints", &asked, LONG).await.unwrap();
    let asked = HoldRequest { mode: "breakpoints".to_owned() };
    let Answer::Done(Standing { state }) = client.post("/hold", &asked, LONG).await.unwrap() else {
        panic!()
    };
    let held = (state.mode.as_str(), &state.breakpoints[..]);
    assert_eq!(held, ("breakpoints", &["write seats".to_owned()][..]));
}

#[tokio::test]
async fn who_hangs_up_is_waited_for_no_longer() {
    let play = Play::start(None);
    let body = serde_json::to_string(&wait("alice held", 3_600_000)).unwrap();
    let mut waiting = Vec::new();
    for _ in 0..requests::WAITS {
        let mut stream = play.raw().await;
        stream.write_all(request("/wait", &body).as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    // Only those that wait have a place: the next is refused once all of them do.
    let mut client = play.client().await;
    let one_more = async {
        loop {
            let answer = client.post::<Standing>("/wait", &wait("alice held", 1), LONG).await;
            let words = refused(answer.unwrap());
            if words == "64 wait already; try again when one of them is through" {
                return;
            }
            assert!(words.contains("has not become so"), "{words}");
        }
    };
    timeout(LONG, one_more).await.expect("all of them wait");
    // Others are heard all the same.
    let Answer::Done(State { .. }) = client.get("/state").await.unwrap() else { panic!() };
    drop(waiting);
    drop(client);
    play.nobody_is_connected().await;
    let mut client = play.client().await;
    let answer = client.post::<Standing>("/wait", &wait("nothing held", 1), LONG).await.unwrap();
    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
}

#[tokio::test]
async fn a_request_without_end_is_cut_off() {
    let play = Play::start(None);
    let mut client = play.client().await;
    let long = "x".repeat(70_000);
    let answer = client.post::<Standing>("/wait", &wait(&long, 1), LONG).await.unwrap();
    assert_eq!(refused(answer), "misuse: a request is at most 65536 bytes long");
    let mut stream = play.raw().await;
    let header = format!("GET /state HTTP/1.1\r\nX-Long: {long}\r\n\r\n");
    // It may be cut off before all of it is sent.
    let _ = stream.write_all(header.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.expect("it is cut off");
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
    drop(client);
    play.nobody_is_connected().await;
}

#[tokio::test]
async fn a_request_that_does_not_come_whole_is_not_waited_for() {
    let play = Play::with_arrival(None, Duration::from_millis(50));
    let mut silent = play.raw().await;
    silent.write_all(b"GET /state HTTP/1.1\r\nHo").await.unwrap();
    let mut half = play.raw().await;
    let whole = request("/wait", "{\"expression\": \"alice held\"}");
    half.write_all(&whole.as_bytes()[..whole.len() - 5]).await.unwrap();
    let text = to_the_end(half).await;
    assert!(text.starts_with("HTTP/1.1 408 ") && text.contains("not come whole"), "{text}");
    let text = to_the_end(silent).await;
    assert!(!text.contains("200 OK"), "{text}");
    play.nobody_is_connected().await;
}

async fn get(address: SocketAddr, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /state HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    to_the_end(stream).await
}

#[tokio::test]
async fn by_an_address_a_web_page_cannot_steer_it() {
    let play = Play::start(Some("127.0.0.1:0"));
    let Some(Address::Http(address)) = play.control.named().cloned() else { panic!() };
    assert_ne!(address.port(), 0);
    let ours = get(address, &format!("Host: {address}\r\n")).await;
    assert!(ours.starts_with("HTTP/1.1 200 OK") && ours.contains("\"transactions\":[]"), "{ours}");
    assert!(get(address, "Host: localhost:7000\r\n").await.starts_with("HTTP/1.1 200"));
    for headers in [
        "Host: localhost\r\nOrigin: https://example.com\r\n",
        "Host: example.com\r\n",
        "Host: 127.0.0.1.example.com:7000\r\n",
        "",
    ] {
        let refused = get(address, headers).await;
        assert!(refused.starts_with("HTTP/1.1 403 "), "{headers}: {refused}");
        assert!(refused.contains("a web page must not steer the debugger"), "{refused}");
    }
}

#[tokio::test]
async fn it_ends_with_its_debugger_and_leaves_nothing() {
    let play = Play::start(None);
    let mut client = play.client().await;
    let waited = tokio::spawn(async move {
        client.post::<Standing>("/wait", &wait("alice held", 3_600_000), LONG).await
    });
    let _ = play.raw().await;
    let Play { control, folder, .. } = play;
    drop(control);
    assert!(matches!(waited.await.unwrap(), Err(ClientError::Ended { .. })));
    assert_eq!(left_in(folder.path()), 0);
}

fn left_in(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[tokio::test]
async fn who_is_not_named_is_found_where_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let folders = [folder.path().join("a/b"), folder.path().join("c")];
    assert_eq!(find(&folders).await, Found::Nobody);
    let (debugger, _news) = Debugger::start(Rules::default());
    let control = Control::start_in(&folders, &debugger, None, LONG).unwrap();
    let first = folders[0].join(format!("{}.sock", std::process::id()));
    let first = Found::One(Address::Socket(first.canonicalize().unwrap()));
    assert_eq!(find(&folders).await, first);
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&folders[0], &link).unwrap();
    assert_eq!(find(&[&folders[..], &[link]].concat()).await, first, "it is found once");
    let other = Control::start_in(&folders[1..], &debugger, None, LONG).unwrap();
    assert!(matches!(find(&folders).await, Found::Several(all) if all.len() == 2));
    drop(other);
    // The same name in the same folder is taken: the next folder is as good.
    let beside = Control::start_in(&folders, &debugger, None, LONG).unwrap();
    assert_eq!(beside.doubts(), [] as [&str; 0]);
    let third = Control::start_in(&folders, &debugger, None, LONG).unwrap();
    assert!(third.doubts()[0].contains("will not find this debugger: another debugger (process"));
    drop((control, beside, third));
    assert_eq!(find(&folders).await, Found::Nobody);
}
