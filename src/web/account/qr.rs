//! A text as a QR code: one path whose geometry stands in attributes, which a strict policy allows.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

use crate::domain::secret::Secret;
use crate::web::errors::PageError;

/// The empty edge that readers need, in modules.
const QUIET_MODULES: usize = 4;

/// A picture that holds what the text holds, so it is as secret.
pub(crate) struct QrPicture {
    /// Both sides, in modules, with the empty edge.
    pub(crate) size: usize,
    /// What is dark.
    pub(crate) path: Secret,
}

/// With the least redundancy: a screen has no stains, and larger modules are read from further away.
pub(crate) fn draw(text: &Secret) -> Result<QrPicture, PageError> {
    let code = QrCode::with_error_correction_level(text.reveal(), EcLevel::L).map_err(|error| {
        tracing::error!(%error, "a QR code could not be made");
        PageError::Internal
    })?;
    let (width, modules) = (code.width(), code.to_colors());
    let mut path = String::with_capacity(width * width * 4);
    for (y, row) in modules.chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                let (left, top, length) = (x + QUIET_MODULES, y + QUIET_MODULES, run.len());
                // Writing into a text cannot fail.
                let _ = write!(path, "M{left} {top}h{length}v1h-{length}z");
            }
            x += run.len();
        }
    }
    Ok(QrPicture { size: width + 2 * QUIET_MODULES, path: Secret::new(path) })
}
