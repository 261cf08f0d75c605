(* SPDX-License-Identifier: GPL-2.0-only *)
(* The interpreter over the primitives of prim.h, extracted.  Numbers stay Coq's own: nothing is replaced by hand. *)
From KCore Require Import lang.Lang.
From Diff Require Import Random.
From Coq Require Import Extraction ExtrOcamlBasic ExtrOcamlString.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition mix (s x : Z) : Z := wrap U64 (s * 6364136223846793005 + x + 1).

Definition prims : layer Z := fun f args s =>
  match args with
  | [a; b] => if String.eqb f "io" then let s' := mix s (a + 3 * b) in Ok (s', s') else Stuck
  | [a] => if String.eqb f "io32" then let s' := mix s a in Ok (Z.shiftr s' 32, s')
           else if String.eqb f "put" then Ok (0, mix s a) else Stuck
  | _ => Stuck
  end.

Definition whole : layer Z := link prims m_random.

Extraction "interp.ml" whole m_random.
