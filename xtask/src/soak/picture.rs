//! Samples as a picture: one curve above the other over the same time, each on a scale of its own.

use std::fmt::Write as _;

use super::sample::{MEASURES, Measure, Sample};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 90.0;
const TOP: f64 = 28.0;

/// Returns an SVG document.
pub(super) fn draw(samples: &[Sample]) -> String {
    let count = f64::from(u32::try_from(MEASURES.len()).unwrap_or_default());
    let (width, height) = (LEFT + WIDTH + 20.0, count * (HEIGHT + TOP) + 40.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let end = samples.last().map_or(1.0, |sample| sample.at).max(1.0);
    let mut top = TOP;
    for Measure { name, of, .. } in MEASURES {
        let most = samples.iter().map(of).fold(1.0, f64::max) * 1.1;
        let points = samples.iter().fold(String::new(), |mut points, sample| {
            let (x, y) = (LEFT + WIDTH * sample.at / end, top + HEIGHT * (1.0 - of(sample) / most));
            // Writing to a string cannot fail.
            let _ = write!(points, "{x:.1},{y:.1} ");
            points
        });
        let bottom = top + HEIGHT;
        let _ = write!(
            svg,
            "<text x=\"{LEFT}\" y=\"{:.1}\" font-weight=\"bold\">{name}</text>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{most:.0}</text>\n\
             <text x=\"{:.1}\" y=\"{bottom:.1}\" text-anchor=\"end\">0</text>\n\
             <rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#ccc\"/>\n\
             <polyline points=\"{}\" fill=\"none\" stroke=\"#2563eb\" stroke-width=\"1.5\"/>\n",
            top - 6.0,
            LEFT - 6.0,
            top + 10.0,
            LEFT - 6.0,
            points.trim_end(),
        );
        top += HEIGHT + TOP;
    }
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"{:.1}\">0 s</text>\n<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{end:.0} s</text>\n\
         </svg>\n",
        top,
        LEFT + WIDTH,
        top
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_has_a_curve_inside_its_frame() {
        let samples: Vec<Sample> = (0..20)
            .map(|n| Sample {
                at: 5.0 * f64::from(n),
                memory: 30.0,
                files: f64::from(n),
                ..Sample::default()
            })
            .collect();
        let svg = draw(&samples);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        let curves: Vec<&str> =
            svg.split("points=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(curves.len(), MEASURES.len());
        for curve in curves {
            let points: Vec<&str> = curve.split(' ').collect();
            assert_eq!(points.len(), 20);
            for point in points {
                let (x, _) = point.split_once(',').expect("a point");
                let x: f64 = x.parse().expect("a number");
                assert!((LEFT..=LEFT + WIDTH).contains(&x), "{point}");
            }
        }
        assert!(draw(&[]).ends_with("</svg>\n"));
    }
}
