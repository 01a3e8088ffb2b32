//! The fields of a form, as a browser sends them.

use std::sync::Arc;

use axum::RequestExt;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Multipart, Request};
use axum::http::{header, request::Parts};
use pocket_crypto::SecretBytes;
use zeroize::Zeroizing;

use crate::trouble::Trouble;

/// The name of the hidden field that shows a form to be this door's own.
pub(crate) const FORM_TOKEN: &str = "form_token";
/// Most fields of a form; the largest, an agent's scopes, has about 40.
const MOST_FIELDS: usize = 512;
/// Most texts in front of the files of an upload: token, note, tags, and room for more.
const MOST_FIELDS_BEFORE_FILES: usize = 8;

/// A form that came in: its guard has seen the right token in it. Values are wiped on drop, since
/// some are passphrases.
#[derive(Clone)]
pub(crate) struct Fields {
    texts: Arc<Vec<(String, Zeroizing<String>)>>,
    files: Arc<Vec<File>>,
}

/// A file of a form.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

impl Fields {
    /// Reads a form of at most `limit` bytes.
    pub(crate) async fn read(request: Request, limit: usize) -> Result<Self, Trouble> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        let (parts, body) = request.into_parts();
        let bytes = to_bytes(body, limit).await.map_err(|_| Trouble::TooLarge)?;
        if kind.starts_with("application/x-www-form-urlencoded") {
            let pairs = form_urlencoded::parse(&bytes)
                .take(MOST_FIELDS)
                .map(|(name, value)| (name.into_owned(), plain_lines(&value)));
            Ok(Self::of(pairs.collect()))
        } else if kind.starts_with("multipart/form-data") {
            multipart(parts, bytes).await
        } else {
            Err(Trouble::NotAForm)
        }
    }

    fn of(texts: Vec<(String, Zeroizing<String>)>) -> Self {
        let (texts, files) = (Arc::new(texts), Arc::default());
        Self { texts, files }
    }

    /// The files that came with it.
    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    /// Reads the texts that stand before the first file of a form of several parts, of at most `limit`
    /// bytes in all; the file itself is left alone.
    pub(crate) async fn read_before_files(request: Request, limit: usize) -> Result<Self, Trouble> {
        let form = request.extract().await.map_err(|_| Trouble::NotAForm)?;
        Self::before_files(form, limit).await
    }

    /// The same of a form whose beginning was read already.
    pub(crate) async fn before_files(mut form: Multipart, limit: usize) -> Result<Self, Trouble> {
        let mut pairs = Vec::new();
        let mut room = limit;
        while let Some(mut field) = form.next_field().await.map_err(|_| Trouble::NotAForm)? {
            if field.file_name().is_some() || pairs.len() >= MOST_FIELDS_BEFORE_FILES {
                break;
            }
            let name = field.name().unwrap_or_default().to_owned();
            let mut bytes = Zeroizing::new(Vec::new());
            while let Some(piece) = field.chunk().await.map_err(|_| Trouble::NotAForm)? {
                room = room.checked_sub(piece.len()).ok_or(Trouble::TooLarge)?;
                bytes.extend_from_slice(&piece);
            }
            let value = str::from_utf8(&bytes).map_err(|_| Trouble::NotAForm)?;
            pairs.push((name, plain_lines(value)));
        }
        Ok(Self::of(pairs))
    }

    /// Those whose name is wanted.
    pub(crate) fn only(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let some = self.texts.iter().filter(|(name, _)| wanted(name));
        Self::of(some.cloned().collect())
    }

    /// How long all names and values are.
    pub(crate) fn bytes(&self) -> usize {
        self.texts
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum()
    }

    #[cfg(test)]
    pub(crate) fn from_pairs(pairs: &[(&str, &str)]) -> Self {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), plain_lines(value)));
        Self::of(owned.collect())
    }

    /// A field's first value; empty when it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// The same without the blanks around it.
    pub(crate) fn line(&self, name: &str) -> &str {
        self.text(name).trim()
    }

    /// Every value of a field.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.texts
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a box is ticked.
    pub(crate) fn ticked(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// A field that must not be shown.
    pub(crate) fn secret(&self, name: &str) -> SecretBytes {
        SecretBytes::new(self.text(name).as_bytes().to_vec())
    }

    /// Written down, without the form's token.
    pub(crate) fn to_text(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.iter())
            .finish()
    }

    /// What [`Fields::to_text`] wrote.
    pub(crate) fn from_text(text: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(text)
            .take(MOST_FIELDS)
            .map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned())));
        Self::of(pairs.collect())
    }

    /// Whether there is anything in it but the form's token.
    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// All of them, without the form's token.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.texts.iter().filter(|(name, _)| name != FORM_TOKEN);
        own.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Browsers send each line break as CR LF; records hold LF.
fn plain_lines(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.replace("\r\n", "\n"))
}

async fn multipart(parts: Parts, bytes: Bytes) -> Result<Fields, Trouble> {
    let request = Request::from_parts(parts, Body::from(bytes));
    let mut form: Multipart = request.extract().await.map_err(|_| Trouble::NotAForm)?;
    let (mut texts, mut files) = (Vec::new(), Vec::new());
    while let Some(field) = form.next_field().await.map_err(|_| Trouble::NotAForm)? {
        if texts.len() + files.len() >= MOST_FIELDS {
            break;
        }
        let name = field.name().unwrap_or_default().to_owned();
        match field.file_name().map(str::to_owned) {
            // What a browser sends when no file was chosen.
            Some(file) if file.is_empty() => {}
            Some(file) => {
                let bytes = field.bytes().await.map_err(|_| Trouble::NotAForm)?;
                files.push(File {
                    name: file,
                    bytes: Zeroizing::new(bytes.to_vec()),
                });
            }
            None => {
                let value = field.text().await.map_err(|_| Trouble::NotAForm)?;
                texts.push((name, plain_lines(&value)));
            }
        }
    }
    Ok(Fields {
        texts: Arc::new(texts),
        files: Arc::new(files),
    })
}

impl<S: Sync> FromRequestParts<S> for Fields {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Trouble> {
        parts.extensions.get::<Self>().cloned().ok_or(Trouble::Unguarded)
    }
}
