//! The allocator of the `millrace` binary, so that the empty drain has no better or worse one than the stage.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
