//! Bars with their scatter, as a small SVG for the documents.

use std::fmt::Write as _;

use crate::report::Spread;

/// One bar.
pub(crate) struct Bar {
    /// What stands before it.
    pub(crate) label: String,
    /// How long it is, and from where to where it scatters.
    pub(crate) spread: Spread,
    /// Whether it is ours.
    pub(crate) own: bool,
}

const LABEL: f64 = 270.0;
const PLOT: f64 = 360.0;
const ROW: f64 = 26.0;

/// A picture of bars under each other, all of the same unit.
pub(crate) fn bars(title: &str, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.spread.most).fold(1e-9, f64::max);
    let (width, height) = (LABEL + PLOT + 90.0, 40.0 + ROW * bars.len() as f64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-weight=\"bold\">{title}</text>\n"
    );
    for (place, bar) in bars.iter().enumerate() {
        let y = 32.0 + ROW * place as f64;
        let Spread { median, least, most: top } = bar.spread;
        let x = |value: f64| LABEL + PLOT * value / most;
        let (color, middle) = (if bar.own { "#2a78b5" } else { "#b0b0b0" }, y + 9.0);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{LABEL}\" y=\"{y}\" width=\"{:.1}\" height=\"18\" fill=\"{color}\"/>\n\
             <path d=\"M{:.1} {middle}H{:.1}\" stroke=\"black\"/>\n<text x=\"{:.1}\" y=\"{}\">{}</text>",
            LABEL - 8.0,
            y + 13.0,
            bar.label,
            PLOT * median / most,
            x(least),
            x(top),
            x(top.max(median)) + 6.0,
            y + 13.0,
            crate::report::number(median),
        );
    }
    svg.push_str("</svg>\n");
    svg
}
