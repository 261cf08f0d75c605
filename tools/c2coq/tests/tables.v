(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from the tables of kcore/cells.h and kcore/abi.h; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* one u64 each *)
Definition scalars : list string := [
  "base";
  "size"].

(* name, bits of an element, length *)
Definition arrays : list (string * Z * Z) := [
  ("state", 32, 16);
  ("page", 64, 4)].

(* one u32 for each DRAM page *)
Definition page_cells : list string := [
  "owner"].

(* handler, x0, number of arguments *)
Definition hypercalls : list (string * Z * Z) := [
  ("hc_version", 3321907968, 0);
  ("hc_put", 3321907971, 2)].
