// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/crypto/sha1_batch.h"

// OpenSSL 3 would rather have its message digests fetched by name, which costs more than the hash
// of a short packet does. The plain functions stay.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "dataplane/crypto/sha1_paired.h"

// Old names of the library that collide with OpenSSL's.
#define NO_COMPAT_IMB_API_053
#include <intel-ipsec-mb.h>

#include <algorithm>

namespace simplon {
namespace {

void sha1_single(const Sha1Job& job) {
  SHA_CTX context;
  SHA1_Init(&context);
  SHA1_Update(&context, job.message, job.length);
  SHA1_Final(job.digest, &context);
}

void set_up(IMB_JOB& slot, const Sha1Job& job) {
  slot.cipher_mode = IMB_CIPHER_NULL;
  slot.cipher_direction = IMB_DIR_ENCRYPT;
  slot.chain_order = IMB_ORDER_HASH_CIPHER;
  slot.hash_alg = IMB_AUTH_SHA_1;
  slot.src = job.message;
  slot.dst = nullptr;
  slot.hash_start_src_offset_in_bytes = 0;
  slot.msg_len_to_hash_in_bytes = job.length;
  slot.auth_tag_output = job.digest;
  slot.auth_tag_output_len_in_bytes = kSha1Size;
}

// All of them, and whatever is still in the lanes when the last one has been handed in.
void sha1_wide(IMB_MGR* manager, std::span<const Sha1Job> jobs) {
  for (const Sha1Job& job : jobs) {
    set_up(*IMB_GET_NEXT_JOB(manager), job);
    for (const IMB_JOB* done = IMB_SUBMIT_JOB_NOCHECK(manager); done != nullptr;) {
      done = IMB_GET_COMPLETED_JOB(manager);
    }
  }
  while (IMB_FLUSH_JOB(manager) != nullptr) {
  }
}

unsigned lanes_of(IMB_ARCH arch) {
  switch (arch) {
    case IMB_ARCH_AVX512:
      return 16;
    case IMB_ARCH_AVX2:
      return 8;
    default:
      return 4;
  }
}

const char* name_of(unsigned lanes) {
  return lanes == 16 ? "AVX-512" : lanes == 8 ? "AVX2" : "SSE";
}

}  // namespace

void Sha1Batch::ManagerDeleter::operator()(IMB_MGR* manager) const {
  free_mb_mgr(manager);
}

std::unique_ptr<Sha1Batch> Sha1Batch::create(std::string& error) {
  std::unique_ptr<Sha1Batch> batch(new Sha1Batch);
  // The SHA instructions off: with them the library takes two messages at a time, as kPaired does,
  // and never fills the wide registers.
  batch->manager_.reset(alloc_mb_mgr(IMB_FLAG_SHANI_OFF));
  IMB_MGR* manager = batch->manager_.get();
  if (manager == nullptr) {
    error = "libipsec-mb: no memory for a manager";
    return nullptr;
  }
  IMB_ARCH arch = IMB_ARCH_NONE;
  init_mb_mgr_auto(manager, &arch);
  if (const int failure = imb_get_errno(manager); failure != 0) {
    error = std::string("libipsec-mb: ") + imb_get_strerror(failure);
    return nullptr;
  }
  if ((manager->features & IMB_FEATURE_SELF_TEST) != 0 &&
      (manager->features & IMB_FEATURE_SELF_TEST_PASS) == 0) {
    error = "libipsec-mb: its self-test failed on this processor";
    return nullptr;
  }
  batch->lanes_ = lanes_of(arch);
  batch->paired_ = has_sha_instructions();

  // Measured (scripts/bench ayiya --engines): below these kPaired or kSingle is faster.
  if (!batch->paired_) {
    batch->least_wide_ = batch->lanes_ == 16 ? 4 : 3;
  } else if (batch->lanes_ == 16) {
    batch->least_wide_ = 6;
  } else if (batch->lanes_ == 8) {
    batch->least_wide_ = 8;
    batch->least_wide_length_ = 1152;
  } else {
    batch->least_wide_ = kMaxJobs + 1;
  }

  // Our own check of every engine: FIPS 180-4's example.
  constexpr std::array<uint8_t, kSha1Size> kExpected{0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81,
                                                     0x6a, 0xba, 0x3e, 0x25, 0x71, 0x78, 0x50,
                                                     0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
  for (const Engine engine : {Engine::kWide, Engine::kPaired, Engine::kSingle}) {
    if (!batch->has(engine)) continue;
    constexpr std::array<uint8_t, 3> kMessage{'a', 'b', 'c'};
    std::array<uint8_t, kSha1Size> digest{};
    const Sha1Job job{kMessage.data(), kMessage.size(), digest.data()};
    batch->run(engine, {&job, 1});
    if (digest != kExpected) {
      error = "SHA-1 by " + batch->description() + ": wrong digest in the self-test";
      return nullptr;
    }
  }
  return batch;
}

Sha1Batch::~Sha1Batch() = default;

bool Sha1Batch::has(Engine engine) const {
  return engine != Engine::kPaired || paired_;
}

std::string Sha1Batch::description() const {
  return std::string(name_of(lanes_)) + ", " + std::to_string(lanes_) + " lanes; " +
         (paired_ ? "SHA instructions" : "no SHA instructions");
}

void Sha1Batch::run(Engine engine, std::span<const Sha1Job> jobs) {
  switch (engine) {
    case Engine::kWide:
      sha1_wide(manager_.get(), jobs);
      return;
    case Engine::kPaired:
      sha1_paired(jobs);
      return;
    case Engine::kSingle:
      for (const Sha1Job& job : jobs) sha1_single(job);
      return;
  }
}

void Sha1Batch::run(std::span<const Sha1Job> jobs) {
  const Engine narrow = paired_ ? Engine::kPaired : Engine::kSingle;
  std::size_t wide = 0;
  if (jobs.size() >= least_wide_) {
    // What is left over after full passes makes one more if it is worth it.
    const std::size_t rest = jobs.size() % lanes_;
    wide = rest >= least_wide_ ? jobs.size() : jobs.size() - rest;
    if (least_wide_length_ != 0) {
      std::size_t bytes = 0;
      for (const Sha1Job& job : jobs) bytes += job.length;
      if (bytes < least_wide_length_ * jobs.size()) wide = 0;
    }
  }
  if (wide != 0) run(Engine::kWide, jobs.first(wide));
  if (wide != jobs.size()) run(narrow, jobs.subspan(wide));
}

}  // namespace simplon
