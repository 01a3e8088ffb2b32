//! Pages of a PDF, as pixels and as text.

use hayro::hayro_interpret::font::{Glyph, GlyphRun};
use hayro::hayro_interpret::hayro_cmap::BfString;
use hayro::hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf, page::Page};
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, SoftMask, interpret_page,
};
use hayro::kurbo::{Affine, BezPath, Point, Rect};
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use image::RgbImage;
use pocket_core::{SHOWN_SIDE, Unreadable};

use crate::picture;
use crate::text::Text;

/// A gap between letters that is a space, in parts of their height.
const SPACE: f64 = 0.2;
/// A step down that is a new line, in parts of the letters' height.
const NEW_LINE: f64 = 0.5;

fn open(bytes: Vec<u8>) -> Result<Pdf, Unreadable> {
    Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => Unreadable::Protected,
        LoadPdfError::Decryption(_) => Unreadable::Unsupported,
        LoadPdfError::Invalid => Unreadable::Damaged,
    })
}

/// A page as a picture to be looked at.
pub(crate) fn page(bytes: Vec<u8>, number: u32) -> Result<Vec<u8>, Unreadable> {
    picture::page(pixels(bytes, number, SHOWN_SIDE)?)
}

/// The pixels of a page, from 1, its longest side `side` of them.
pub(crate) fn pixels(bytes: Vec<u8>, number: u32, side: u32) -> Result<RgbImage, Unreadable> {
    let pdf = open(bytes)?;
    let index = usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1));
    let page = index
        .and_then(|index| pdf.pages().get(index))
        .ok_or(Unreadable::NoSuchPage)?;
    let scale = scale(page, side)?;
    let pixmap = render(
        page,
        &RenderCache::new(),
        &InterpreterSettings::default(),
        &RenderSettings::default(),
        &PixmapSettings {
            x_scale: scale,
            y_scale: scale,
            bg_color: WHITE,
        },
    );
    let (width, height) = (u32::from(pixmap.width()), u32::from(pixmap.height()));
    let rgb = pixmap
        .data()
        .iter()
        .flat_map(|pixel| [pixel.r, pixel.g, pixel.b])
        .collect();
    RgbImage::from_raw(width, height, rgb).ok_or(Unreadable::Broke)
}

/// By how much the page is to be made larger or smaller. One without extent can't be shown.
fn scale(page: &Page<'_>, side: u32) -> Result<f32, Unreadable> {
    let (width, height) = page.render_dimensions();
    let side = f32::from(u16::try_from(side).map_err(|_| Unreadable::Broke)?);
    let scale = side / width.max(height);
    let fits = scale.is_finite() && scale > 0.0 && width * scale >= 1.0 && height * scale >= 1.0;
    fits.then_some(scale).ok_or(Unreadable::Damaged)
}

/// Adds the text of all pages.
pub(crate) fn text(bytes: Vec<u8>, text: &mut Text) -> Result<(), Unreadable> {
    let pdf = open(bytes)?;
    let cache = InterpreterCache::new();
    for page in pdf.pages().iter() {
        text.begin_page();
        if text.is_full() {
            break;
        }
        let mut context = Context::new(
            Affine::IDENTITY,
            Rect::new(0.0, 0.0, 1.0, 1.0),
            &cache,
            pdf.xref(),
            InterpreterSettings::default(),
        );
        let mut lines = Lines { text, last: None };
        interpret_page(page, &mut context, &mut lines);
    }
    text.count_pages(u32::try_from(pdf.pages().len()).unwrap_or(u32::MAX));
    Ok(())
}

/// Where a letter ended, and how tall it was.
struct Placed {
    end: Point,
    height: f64,
}

/// Makes lines of letters, which a PDF places one by one.
struct Lines<'t> {
    text: &'t mut Text,
    last: Option<Placed>,
}

impl Lines<'_> {
    fn letter(&mut self, glyph: &Glyph<'_>, place: Affine) {
        let begin = place * Point::ZERO;
        // A glyph is drawn on a square of 1000 units.
        let up = place * Point::new(0.0, 1000.0) - begin;
        let height = up.hypot();
        if !(height.is_finite() && begin.x.is_finite() && begin.y.is_finite()) {
            return;
        }
        let width = match glyph {
            Glyph::Outline(glyph) => glyph.advance_width(),
            Glyph::Type3(glyph) => glyph.advance_width(),
        };
        let width = f64::from(width.unwrap_or(500.0));
        self.separate(begin, up / height.max(f64::MIN_POSITIVE), height);
        match glyph.as_unicode() {
            Some(BfString::Char(letter)) => self.text.push(letter.encode_utf8(&mut [0; 4])),
            Some(BfString::String(letters)) => self.text.push(&letters),
            None => {}
        }
        self.last = Some(Placed {
            end: place * Point::new(width, 0.0),
            height,
        });
    }

    /// A new line or a space between the last letter and the next, if there is room for one. `up` is
    /// where the letters' heads are: lines may run in any direction.
    fn separate(&mut self, begin: Point, up: hayro::kurbo::Vec2, height: f64) {
        let Some(last) = &self.last else {
            return;
        };
        let step = begin - last.end;
        let (down, along) = (step.dot(up).abs(), step.cross(up).abs());
        let size = height.max(last.height);
        if down > NEW_LINE * size {
            self.text.end_line();
        } else if along > SPACE * size && !self.text.last().is_none_or(char::is_whitespace) {
            self.text.push(" ");
        }
    }
}

impl<'a> Device<'a> for Lines<'_> {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            self.letter(glyph, props.transform * glyph.transform());
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
