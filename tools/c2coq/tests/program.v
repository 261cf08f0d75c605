(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq; do not edit.  Every function of the core, callees before callers. *)
From KCore Require Import lang.Syntax.
From KCore Require Export gen.C_order.
From KCore Require Export gen.C_loops.
Local Open Scope string_scope.

Definition program : modul := [
  ("later", f_later);
  ("first", f_first);
  ("loops", f_loops)].
