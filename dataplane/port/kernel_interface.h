// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>

namespace simplon {

// A network interface of the kernel, in our network namespace. Manager thread.
bool kernel_interface_exists(const std::string& name);

// An XDP program is attached: of another program, or left by a process that was killed. False also
// where the kernel does not say.
bool xdp_program_attached(const std::string& name);

}  // namespace simplon
