//! What the folder says, with every mistake in it.
#![expect(
    clippy::disallowed_methods,
    reason = "an operator's command, on a thread that may wait for the disk"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use shared::file_name::FileName;

use crate::domain::{
    money::Money,
    product::{NewProduct, image_type},
    slug::Slug,
};

const MAX_TITLE_CHARS: usize = 200;
const MAX_SUMMARY_CHARS: usize = 500;
const MAX_DESCRIPTION_BYTES: u64 = 100_000;
const MAX_COVER_BYTES: u64 = 5_000_000;
const MAX_TAGS: usize = 20;

/// A product as its folder describes it, nothing stored yet.
pub(super) struct Folder {
    /// Without its cover.
    pub(super) product: NewProduct,
    /// The picture and its media type.
    pub(super) cover: Option<(PathBuf, &'static str)>,
    /// What is sold.
    pub(super) files: Vec<(FileName, PathBuf)>,
}

/// `product.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    slug: String,
    title: String,
    summary: String,
    price: i64,
    currency: String,
    #[serde(default)]
    tags: Vec<String>,
    cover: Option<String>,
}

/// Mistakes, each with the name of the file it is in.
type Mistakes = Vec<String>;

/// Every product folder beneath `dir`, in the order of their names.
pub(super) fn read(dir: &Path) -> Result<Vec<Folder>, Mistakes> {
    let mut mistakes = Mistakes::new();
    let mut folders = Vec::new();
    let mut slugs: BTreeMap<Slug, PathBuf> = BTreeMap::new();
    for (name, path) in entries(dir, &mut mistakes) {
        if !path.is_dir() {
            continue; // a README or a licence beside the products
        }
        let Some(folder) = read_product(&path, Path::new(&name), &mut mistakes) else {
            continue;
        };
        let slug = folder.product.slug.clone();
        if let Some(other) = slugs.insert(slug.clone(), PathBuf::from(&name)) {
            mistakes.push(format!(
                "{name}/product.toml: the slug {slug} is also that of {}",
                other.display()
            ));
        }
        folders.push(folder);
    }
    if folders.is_empty() && mistakes.is_empty() {
        mistakes.push("there is no folder with a product.toml in it".to_owned());
    }
    if mistakes.is_empty() {
        Ok(folders)
    } else {
        Err(mistakes)
    }
}

/// What is in a folder, by name, without hidden files.
fn entries(dir: &Path, mistakes: &mut Mistakes) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut add = || {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                found.insert(name, entry.path());
            }
        }
        Ok::<_, std::io::Error>(())
    };
    if let Err(error) = add() {
        mistakes.push(format!("{}: {error}", dir.display()));
    }
    found
}

/// `name` is the folder's own, for messages.
fn read_product(path: &Path, name: &Path, mistakes: &mut Mistakes) -> Option<Folder> {
    let n_before = mistakes.len();
    let sheet = text(path, name, "product.toml", MAX_DESCRIPTION_BYTES, mistakes);
    let description = text(
        path,
        name,
        "description.md",
        MAX_DESCRIPTION_BYTES,
        mistakes,
    );
    let files = read_files(&path.join("files"), &name.join("files"), mistakes);
    let text = sheet?;
    let sheet: Sheet = match toml::from_str(&text) {
        Ok(sheet) => sheet,
        Err(error) => {
            let sheet = name.join("product.toml");
            mistakes.push(format!("{}: {}", sheet.display(), explain(&error, &text)));
            return None;
        }
    };
    let cover = sheet
        .cover
        .as_deref()
        .map(|cover| read_cover(path, name, cover, mistakes));
    let product = judge(&sheet, description.unwrap_or_default(), &mut |mistake| {
        mistakes.push(format!(
            "{}: {mistake}",
            name.join("product.toml").display()
        ));
    });
    (mistakes.len() == n_before).then_some(())?;
    Some(Folder {
        product: product?,
        cover: cover.flatten(),
        files,
    })
}

/// What is wrong with a sheet, and in which line; the price is what most often is.
fn explain(error: &toml::de::Error, sheet: &str) -> String {
    let message = error.message().lines().next().unwrap_or("not TOML");
    let before = error.span().and_then(|span| sheet.get(..span.start));
    // What is missing stands in no line.
    let Some(before) = before.filter(|_| !message.starts_with("missing field")) else {
        return message.to_owned();
    };
    let number = before.matches('\n').count();
    let line = sheet.lines().nth(number).unwrap_or_default();
    let key = line.split_once('=').map_or("", |(key, _)| key.trim());
    let line = number + 1;
    match key {
        "price" => format!(
            "line {line}: {key}: {message}; a price is a whole number of minor units, 1250 for 12.50"
        ),
        "" => format!("line {line}: {message}"),
        // This names the key itself.
        _ if message.starts_with("unknown field") => format!("line {line}: {message}"),
        _ => format!("line {line}: {key}: {message}"),
    }
}

fn text(
    path: &Path,
    name: &Path,
    file: &str,
    limit: u64,
    mistakes: &mut Mistakes,
) -> Option<String> {
    let mut content = String::new();
    let read = fs::File::open(path.join(file))
        .and_then(|file| file.take(limit + 1).read_to_string(&mut content));
    let file = name.join(file);
    match read {
        Err(error) => mistakes.push(format!("{}: {error}", file.display())),
        Ok(size) if u64::try_from(size).is_ok_and(|size| size > limit) => {
            mistakes.push(format!("{}: longer than {limit} bytes", file.display()));
        }
        Ok(_) if content.contains('\0') => mistakes.push(format!("{}: not text", file.display())),
        Ok(_) => return Some(content),
    }
    None
}

fn judge(
    sheet: &Sheet,
    description_markdown: String,
    mistake: &mut dyn FnMut(String),
) -> Option<NewProduct> {
    let slug = Slug::parse(&sheet.slug);
    if slug.is_none() {
        mistake(format!(
            "slug: expected lower-case letters, digits and single hyphens, got {:?}",
            sheet.slug
        ));
    }
    let title = line("title", &sheet.title, MAX_TITLE_CHARS, mistake);
    let summary = line("summary", &sheet.summary, MAX_SUMMARY_CHARS, mistake);
    let price = Money::new(sheet.price, &sheet.currency);
    if price.is_none() {
        mistake(format!(
            "price, currency: expected a whole number of minor units (1250 for 12.50), 0 or more, \
             and an ISO 4217 code, got {} {:?}",
            sheet.price, sheet.currency
        ));
    }
    let mut tags = BTreeSet::new();
    for tag in &sheet.tags {
        match Slug::parse(tag) {
            Some(tag) => drop(tags.insert(tag)),
            None => mistake(format!(
                "tags: expected words written like a slug, got {tag:?}"
            )),
        }
    }
    if tags.len() > MAX_TAGS {
        mistake(format!("tags: at most {MAX_TAGS}"));
    }
    Some(NewProduct {
        slug: slug?,
        title: title?,
        summary: summary?,
        description_markdown,
        price: price?,
        tags: tags.into_iter().collect(),
        cover: None,
    })
}

fn line(
    field: &str,
    text: &str,
    max_chars: usize,
    mistake: &mut dyn FnMut(String),
) -> Option<String> {
    let text = text.trim();
    let sound =
        (1..=max_chars).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if !sound {
        mistake(format!(
            "{field}: expected one line of 1 to {max_chars} characters"
        ));
    }
    sound.then(|| text.to_owned())
}

fn read_files(path: &Path, name: &Path, mistakes: &mut Mistakes) -> Vec<(FileName, PathBuf)> {
    let n_before = mistakes.len();
    let mut files = Vec::new();
    for (file, path) in entries(path, mistakes) {
        let regular = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
        match FileName::parse(&file).filter(|_| regular) {
            Some(file) => files.push((file, path)),
            None => mistakes.push(format!(
                "{}: not a regular file with an ordinary name",
                name.join(file).display()
            )),
        }
    }
    if files.is_empty() && mistakes.len() == n_before {
        mistakes.push(format!("{}: there is no file to sell", name.display()));
    }
    files
}

fn read_cover(
    path: &Path,
    name: &Path,
    cover: &str,
    mistakes: &mut Mistakes,
) -> Option<(PathBuf, &'static str)> {
    let shown = name.join("product.toml");
    if FileName::parse(cover).is_none() {
        mistakes.push(format!(
            "{}: cover: expected the name of a file beside it, got {cover:?}",
            shown.display()
        ));
        return None;
    }
    let (path, shown) = (path.join(cover), name.join(cover));
    let mut start = Vec::new();
    let read = fs::File::open(&path).and_then(|file| {
        let size_bytes = file.metadata()?.len();
        file.take(16).read_to_end(&mut start)?;
        Ok(size_bytes)
    });
    match (read, image_type(&start)) {
        (Err(error), _) => mistakes.push(format!("{}: {error}", shown.display())),
        (Ok(size_bytes), _) if size_bytes > MAX_COVER_BYTES => {
            mistakes.push(format!(
                "{}: larger than {MAX_COVER_BYTES} bytes",
                shown.display()
            ));
        }
        (Ok(_), None) => mistakes.push(format!(
            "{}: not a PNG, JPEG or WebP image",
            shown.display()
        )),
        (Ok(_), Some(media_type)) => return Some((path, media_type)),
    }
    None
}

#[cfg(test)]
mod tests;
