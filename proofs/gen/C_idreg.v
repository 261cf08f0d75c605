(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from idreg.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* idreg_guest: 0=crm 1=op2 2=gic 3=v *)
Definition f_idreg_guest : fundef := mkfun 2 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "get_has_gicv3" [];;
  SIf (ECmp Lt (EVar 0) (EConst 4))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SCall (Some 3) "idreg_read" [(EVar 0); (EVar 1)];;
  SIf (ELAnd (ELAnd (ECmp Eq (EVar 0) (EConst 4)) (ECmp Eq (EVar 1) (EConst 0))) (ECmp Ne (EBin And U64 (EVar 3) (EConst 1008806316530991104)) (EConst 0)))
    (SAssign 3 (EBin Or U64 (EVar 3) (EConst 72057594037927936)))
    (SSkip);;
  SIf (ELAnd (ECmp Eq (EVar 0) (EConst 4)) (ECmp Eq (EVar 1) (EConst 0)))
    (SReturn (Some (EBin Or U64 (EBin Or U64 (EBin And U64 (EVar 3) (EConst 17370102287808004096)) (EConst 17)) (ECond (ECmp Ne (EVar 2) (EConst 0)) (EConst 16777216) (EConst 0)))))
    (SSkip);;
  SIf (ELAnd (ECmp Eq (EVar 0) (EConst 4)) (ECmp Eq (EVar 1) (EConst 1)))
    (SReturn (Some (EBin And U64 (EVar 3) (EConst 255))))
    (SSkip);;
  SIf (ELAnd (ECmp Eq (EVar 0) (EConst 5)) (ECmp Eq (EVar 1) (EConst 0)))
    (SReturn (Some (EConst 1052678)))
    (SSkip);;
  SIf (ELAnd (ECmp Eq (EVar 0) (EConst 6)) (ECmp Eq (EVar 1) (EConst 0)))
    (SReturn (Some (EBin And U64 (EVar 3) (EConst 18446744073457893360))))
    (SSkip);;
  SIf (ELAnd (ECmp Eq (EVar 0) (EConst 6)) (ECmp Eq (EVar 1) (EConst 1)))
    (SReturn (Some (EBin And U64 (EVar 3) (EConst 1152921500328652815))))
    (SSkip);;
  SIf (ELAnd (ECmp Eq (EVar 0) (EConst 7)) (ECmp Eq (EVar 1) (EConst 0)))
    (SReturn (Some (EBin Or U64 (EBin And U64 (EVar 3) (EConst 4294967280)) (EConst 2))))
    (SSkip);;
  SIf (ELAnd (ECmp Eq (EVar 0) (EConst 7)) (ECmp Eq (EVar 1) (EConst 1)))
    (SReturn (Some (EBin And U64 (EVar 3) (EConst 1030807941135))))
    (SSkip);;
  SIf (ELAnd (ECmp Eq (EVar 0) (EConst 7)) (ECmp Eq (EVar 1) (EConst 2)))
    (SReturn (Some (EBin And U64 (EVar 3) (EConst 17365599787422846975))))
    (SSkip);;
  SReturn (Some (EConst 0))).

Definition m_idreg : modul := [
  ("idreg_guest", f_idreg_guest)].
