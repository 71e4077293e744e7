//! Sizes for people to read: decimal, as disks and networks count.

use crate::domain::grouped::grouped;

const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")];

/// `743 B`, `1.1 KB`, `31.4 MB`.
pub(crate) fn size(bytes: u64) -> String {
    let Some((unit, name)) = UNITS.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return format!("{bytes} B");
    };
    let tenths = (bytes * 10 + unit / 2) / unit;
    format!("{}.{} {name}", grouped(tenths / 10), tenths % 10)
}

/// The same with a digit more, where that is not 0, for sizes that are told beside one another: `1.05 MB`.
pub(crate) fn precise_size(bytes: u64) -> String {
    let fits = UNITS.into_iter().find(|(unit, _)| bytes >= *unit);
    let hundredths = fits.map(|(unit, name)| ((bytes * 100 + unit / 2) / unit, name));
    match hundredths.filter(|(hundredths, _)| hundredths % 10 != 0) {
        Some((hundredths, name)) => format!("{}.{:02} {name}", grouped(hundredths / 100), hundredths % 100),
        None => size(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::{precise_size, size};

    #[test]
    fn sizes_have_a_digit_behind_the_point_and_two_beside_a_limit() {
        assert_eq!([743, 1_100, 31_400_000, 999_960].map(size), ["743 B", "1.1 KB", "31.4 MB", "1,000.0 KB"]);
        assert_eq!(
            [743, 1_048_576, 1_200_000, 999_999].map(precise_size),
            ["743 B", "1.05 MB", "1.2 MB", "1,000.0 KB"]
        );
    }
}
