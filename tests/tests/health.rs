//! The device can't call itself healthy while something that it needs is broken.

use std::fs;

use crate::device::Device;

/// What the strict test finds broken.
fn broken(device: &Device) -> String {
    let tested = device.ctl(&["health", "--strict"]);
    tested.failed(1, "damaged");
    tested.out
}

#[test]
fn a_keyring_that_is_damaged_while_it_is_in_use_is_named_and_written_again() {
    let device = Device::owned();
    device.ctl(&["health", "--strict"]).one();
    let files = ["keyring.a", "keyring.b"].map(|name| device.place.data().join(name));
    for file in &files {
        fs::write(file, b"nothing of the kind").unwrap();
    }
    assert!(broken(&device).contains("keyring"));
    let checked = device.ctl(&["check"]);
    checked.failed(1, "damaged");
    assert!(checked.out.contains("written again"), "{}", checked.out);
    assert!(
        broken(&device).contains("written again"),
        "told until it was looked at again"
    );
    device.ctl(&["check"]).one();
    device.ctl(&["health", "--strict"]).one();
    let device = device.restart();
    device.unlock();
    device.ctl(&["health", "--strict"]).one();
}

#[test]
fn a_device_secret_that_is_gone_is_named_while_there_is_time() {
    let device = Device::owned();
    let secret = device.place.device_secret();
    let kept = device.place.path("kept");
    fs::rename(&secret, &kept).unwrap();
    assert!(broken(&device).contains("device secret"));
    fs::write(&secret, [7; 32]).unwrap();
    assert!(broken(&device).contains("device secret"), "another one");
    fs::rename(&kept, &secret).unwrap();
    device.ctl(&["health", "--strict"]).one();
}
