(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from order.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* later: 0=x *)
Definition f_later : fundef := mkfun 1 [U64] (Some U64) (
  SReturn (Some (EVar 0))).

(* first: 0=x 1=(result) *)
Definition f_first : fundef := mkfun 1 [U64; U64] (Some U64) (
  SCall (Some 1) "later" [(EVar 0)];;
  SReturn (Some (EVar 1))).

Definition m_order : modul := [
  ("later", f_later);
  ("first", f_first)].
