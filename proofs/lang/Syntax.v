(* SPDX-License-Identifier: GPL-2.0-only *)
(* The restricted C of common-core/core as c2coq writes it (docs/subset.md). *)
From Coq Require Export ZArith List String.
Export ListNotations.

Inductive ity := U32 | U64.
Inductive binop := Add | Sub | Mul | Div | Mod | And | Or | Xor | Shl | Shr.
Inductive cmpop := Lt | Le | Gt | Ge | Eq | Ne.

(* Values are integers 0 <= z < 2^64; what C computes as int (comparisons, logic) is 0 or 1. *)
Inductive expr :=
| EConst (z : Z)
| EVar (x : nat)
| ELNot (a : expr)                            (* !a *)
| EBNot (t : ity) (a : expr)                  (* ~a *)
| EBin (o : binop) (t : ity) (a b : expr)     (* t: type of the left operand and of the result *)
| ECmp (o : cmpop) (a b : expr)
| ELAnd (a b : expr)
| ELOr (a b : expr)
| ECond (c a b : expr)
| ECast (t : ity) (a : expr).

Inductive stmt :=
| SSkip
| SAssign (x : nat) (e : expr)
| SCall (x : option nat) (f : string) (args : list expr)
| SSeq (a b : stmt)
| SIf (c : expr) (a b : stmt)
| SFor (x : nat) (t : ity) (a b : expr) (step : Z) (s : stmt)  (* for (x = a; x < b; x += step) s *)
| SReturn (e : option expr).

Notation "a ;; b" := (SSeq a b) (at level 90, right associativity).
Arguments EVar _%nat_scope.
Arguments SAssign _%nat_scope _.
Arguments SFor _%nat_scope _ _ _ _%Z_scope _.

(* fn_vars: types of the parameters, then of locals and temporaries; fn_ret: None is void. *)
Record fundef := mkfun {
  fn_params : nat; fn_vars : list ity; fn_ret : option ity; fn_body : stmt
}.
Arguments mkfun _%nat_scope _ _ _.

(* Functions in the order of calls: each calls those before it, or what is below the module. *)
Definition modul := list (string * fundef).
