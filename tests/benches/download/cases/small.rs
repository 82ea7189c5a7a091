//! Small files, each with a fresh token, over connections that are kept.

use super::Run;
use crate::{
    client::many::{Pace, Requests, run as exchange},
    figures::{Series, in_turns},
    limit::verifications_per_sec,
    options::Limit,
    report::{Section, Wanted},
    servers::{Server, caddy, limits, nginx, ours, with_token},
    stage::{N_SMALL, StoredFile},
};

const N_CONNECTIONS: usize = 32;

/// Requests of one turn.
const N_REQUESTS: usize = 4_000;

struct Contestant<'a> {
    name: &'static str,
    server: &'a Server,
    /// How many of the files are asked for.
    n_files: usize,
    ask: Box<dyn Fn(&StoredFile) -> String + 'a>,
    /// Requests a second.
    rate: Series,
    /// Processor time for one, in microseconds.
    cost: Series,
}

pub(crate) fn measure(run: &Run) -> anyhow::Result<Section> {
    let stage = &run.stage;
    let nginx = nginx::start(stage, run.cores)?;
    let caddy = caddy::start(stage, run.cores)?;
    let ours = ours::start(stage, run.cores, &run.signer, "ours", "info")?;
    let quiet = ours::start(stage, run.cores, &run.signer, "ours-quiet", "warn")?;
    let verification = limits::start(stage, run.cores, Limit::Verification, &run.signer.jwks)?;
    let constant = limits::start(stage, run.cores, Limit::Constant, &run.signer.jwks)?;

    let mut all: Vec<Contestant> = Vec::new();
    let mut add = |name, server, n_files, ask| {
        all.push(Contestant {
            name,
            server,
            n_files,
            ask,
            rate: Series::default(),
            cost: Series::default(),
        });
    };
    let token = |server: &Server| Box::new(with_token(&run.signer, server.address));
    add("ours, 1,000 files", &ours, N_SMALL, token(&ours));
    add("ours, one file", &ours, 1, token(&ours));
    add(
        "ours, 1,000 files, `RUST_LOG=warn`",
        &quiet,
        N_SMALL,
        token(&quiet),
    );
    add(
        "one verification by the library, empty actix-web answer (the limit)",
        &verification,
        N_SMALL,
        token(&verification),
    );
    let secure = || Box::new(nginx::secure(nginx.address));
    add(
        "nginx `secure_link`, 1,000 files",
        &nginx,
        N_SMALL,
        secure(),
    );
    add("nginx `secure_link`, one file", &nginx, 1, secure());
    add(
        "Caddy without tokens, 1,000 files",
        &caddy,
        N_SMALL,
        Box::new(caddy::plain(caddy.address)),
    );
    let anything = limits::sendfile(constant.address, 0, 0);
    add(
        "the same bytes to everything (the client's limit)",
        &constant,
        N_SMALL,
        Box::new(move |_| anything.clone()),
    );

    let (mut verifications, mut verifying) = (Series::default(), Series::default());
    let n = all.len();
    in_turns(run.options.n_turns(), n, |round, n| {
        let contestant = &mut all[n];
        let requests = contestant.requests(&stage.small);
        let cpu_before = contestant.server.usage()?.cpu;
        let outcome = exchange(
            contestant.server.address,
            &requests,
            N_CONNECTIONS,
            Pace::AtOnce,
        )?;
        let cpu = contestant.server.usage()?.cpu - cpu_before;
        if round.is_some() {
            let n = requests.len() as f64;
            contestant.rate.push(n / outcome.elapsed.as_secs_f64());
            contestant.cost.push(cpu.as_secs_f64() * 1e6 / n);
        }
        if round.is_some() && n == 0 {
            let token = |file| run.signer.token(file, "http://127.0.0.1:65535");
            let tokens: Vec<String> = stage.small.iter().take(100).map(token).collect();
            let verify = || verifications_per_sec(&tokens, &run.signer.jwks);
            let (rate, cost) = run.cores.as_server(verify)??;
            verifications.push(rate);
            verifying.push(cost);
        }
        Ok(())
    })?;
    Ok(section(&all, &verifications, &verifying))
}

impl Contestant<'_> {
    fn requests(&self, files: &[StoredFile]) -> Requests {
        let mut requests = Requests::default();
        for file in files.iter().take(self.n_files).cycle().take(N_REQUESTS) {
            requests.push(&(self.ask)(file));
        }
        requests
    }
}

fn section(all: &[Contestant], verifications: &Series, verifying: &Series) -> Section {
    let [ours, ours_one, _, limit, nginx, nginx_one, ..] = all else {
        unreachable!("they were added above")
    };
    let heads = [
        "10 KiB, 32 connections",
        "requests/s",
        "least–most",
        "× the limit",
        "× nginx",
        "CPU µs/request",
    ];
    let mut section = Section::new("Small files, a fresh token each", &heads);
    for it in all {
        let (least, most) = it.rate.span();
        section.row(vec![
            it.name.to_owned(),
            format!("{:.0}", it.rate.median()),
            format!("{least:.0}–{most:.0}"),
            format!("{:.2}", it.rate.ratio_to(&limit.rate)),
            format!("{:.2}", it.rate.ratio_to(&nginx.rate)),
            format!("{:.1}", it.cost.median()),
        ]);
    }
    let (least, most) = verifications.span();
    section.row(vec![
        "the library's Ed25519 verifications alone".to_owned(),
        format!("{:.0}", verifications.median()),
        format!("{least:.0}–{most:.0}"),
        format!("{:.2}", verifications.ratio_to(&limit.rate)),
        format!("{:.2}", verifications.ratio_to(&nginx.rate)),
        format!("{:.1}", verifying.median()),
    ]);
    let to_limit = |ours: &Contestant| ours.rate.ratio_to(&limit.rate);
    section.target(
        "rate ÷ the limit's, 1,000 files",
        Wanted::AtLeast(0.85),
        to_limit(ours),
    );
    section.target(
        "rate ÷ the limit's, one file",
        Wanted::AtLeast(0.85),
        to_limit(ours_one),
    );
    let to_nginx = ours.rate.ratio_to(&nginx.rate);
    section.target(
        "rate ÷ nginx's, 1,000 files",
        Wanted::AtLeast(0.4),
        to_nginx,
    );
    let to_nginx = ours_one.rate.ratio_to(&nginx_one.rate);
    section.target("rate ÷ nginx's, one file", Wanted::AtLeast(0.4), to_nginx);
    section.note(
        "Ours writes its line for each delivery to a file; nginx and Caddy write no access log. \
         nginx opens each file anew; ours keeps open what was asked for lately.",
    );
    section
}
