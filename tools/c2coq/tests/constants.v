(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from prim.h; do not edit. *)
From KCore Require Import lang.Syntax.

Definition BIG_A : Z := 3321907971.
Definition BIG_B : Z := 3321907972.
Definition MINUS : Z := 18446744073709551615.
Definition SMALL_A : Z := 0.
Definition SMALL_B : Z := 7.
Definition SMALL_C : Z := 8.
