// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "dataplane/slowpath/exits.h"
#include "dataplane/slowpath/tunnel_watch.h"
#include "proto/link/link_messages.h"

namespace simplon {

// Does what an operator wants done to a dynamic tunnel (proto/link/link_messages.h), and says in
// the answer why not, if not. Slow-path thread.
TunnelCommandDone obey(Exits& exits, TunnelWatch& watch, const ForwardingTable& table,
                       const TunnelCommand& command);

}  // namespace simplon
