//! Compressed answers and bombs.

use std::io::Read;

use relay_sim::{Behaviour, Dialect, Encoding, Relay};

use crate::client::{Answer, request, send, sim};

fn decode(encoding: &str, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match encoding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut out),
        "deflate" => flate2::read::ZlibDecoder::new(body).read_to_end(&mut out),
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut out),
        "zstd" => zstd::stream::read::Decoder::new(body).unwrap().read_to_end(&mut out),
        other => panic!("unexpected encoding {other:?}"),
    }
    .unwrap();
    out
}

async fn accepting(relay: &Relay, accept: &str) -> Answer {
    let sim = sim(relay.clone()).await;
    let mut request = request(&sim.url("r").unwrap(), &relay.template(), &relay.key, "sim-1");
    request.headers_mut().insert("accept-encoding", accept.parse().unwrap());
    let answer = send(request).await.unwrap();
    sim.stop().await;
    answer
}

#[tokio::test]
async fn the_wanted_encoding_is_used_when_accepted_and_another_else() {
    for encoding in Encoding::ALL {
        let relay = Relay { compress: Some(encoding), ..Relay::new("r", Dialect::Chat) };
        let answer = accepting(&relay, "gzip, br, zstd, deflate").await;
        assert_eq!(answer.header("content-encoding"), encoding.name());
        let text = String::from_utf8(decode(encoding.name(), &answer.body)).unwrap();
        assert!(text.contains("pong"), "{text}");
    }
    let relay = Relay { compress: Some(Encoding::Brotli), ..Relay::new("r", Dialect::Chat) };
    assert_eq!(accepting(&relay, "br;q=0, gzip").await.header("content-encoding"), "gzip");
    let plain = accepting(&relay, "identity").await;
    assert_eq!(plain.header("content-encoding"), "");
    assert!(plain.text().contains("pong"));
}

#[tokio::test]
async fn a_bomb_is_small_on_the_wire() {
    for encoding in Encoding::ALL {
        let relay = Relay {
            compress: Some(encoding),
            behaviour: Behaviour::Bomb(8 << 20),
            ..Relay::new("r", Dialect::Chat)
        };
        let answer = accepting(&relay, "gzip, br, zstd, deflate").await;
        assert!(answer.body.len() < 128 << 10, "{encoding:?}: {}", answer.body.len());
        assert_eq!(decode(encoding.name(), &answer.body).len(), 8 << 20, "{encoding:?}");
    }
}
