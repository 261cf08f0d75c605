(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from vendor.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* guest_words: 0=context 1=w0 2=w1 3=w2 4=w3 *)
Definition f_guest_words : fundef := mkfun 5 [U64; U64; U64; U64; U64] None (
  SCall None "page_store" [(EVar 0); (EBin Mul U64 (EConst 0) (EConst 8)); (EVar 1)];;
  SCall None "page_store" [(EVar 0); (EBin Mul U64 (EConst 1) (EConst 8)); (EVar 2)];;
  SCall None "page_store" [(EVar 0); (EBin Mul U64 (EConst 2) (EConst 8)); (EVar 3)];;
  SCall None "page_store" [(EVar 0); (EBin Mul U64 (EConst 3) (EConst 8)); (EVar 4)]).

(* guest_memory: 0=vcpu 1=context 2=ask 3=ipa 4=x2 5=x3 6=pc 7=r *)
Definition f_guest_memory : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 3) "page_load" [(EVar 1); (EBin Mul U64 (EConst 1) (EConst 8))];;
  SCall (Some 4) "page_load" [(EVar 1); (EBin Mul U64 (EConst 2) (EConst 8))];;
  SCall (Some 5) "page_load" [(EVar 1); (EBin Mul U64 (EConst 3) (EConst 8))];;
  SCall (Some 6) "page_load" [(EVar 1); (EConst 248)];;
  SAssign 7 (EConst 18446744073709551594);;
  SIf (ECmp Eq (EBin Or U64 (EVar 4) (EVar 5)) (EConst 0))
    (SCall (Some 7) "guest_mem" [(EBin Div U64 (EVar 0) (EConst 16)); (EVar 3); (EVar 2)])
    (SSkip);;
  SIf (ECmp Eq (EVar 7) (EConst 18446744073709551605))
    (SCall None "page_store" [(EVar 1); (EConst 248); (EBin Sub U64 (EVar 6) (EConst 4))];;
    SReturn (Some (EConst 2)))
    (SSkip);;
  SCall None "page_store" [(EVar 1); (EBin Mul U64 (EConst 0) (EConst 8)); (ECond (ECmp Eq (EVar 7) (EConst 0)) (EConst 0) (EConst 18446744073709551613))];;
  SReturn (Some (EConst 1))).

(* guest_guard: 0=vcpu 1=context 2=ipa 3=x2 4=x3 5=r *)
Definition f_guest_guard : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64] None (
  SCall (Some 2) "page_load" [(EVar 1); (EBin Mul U64 (EConst 1) (EConst 8))];;
  SCall (Some 3) "page_load" [(EVar 1); (EBin Mul U64 (EConst 2) (EConst 8))];;
  SCall (Some 4) "page_load" [(EVar 1); (EBin Mul U64 (EConst 3) (EConst 8))];;
  SAssign 5 (EConst 18446744073709551594);;
  SIf (ECmp Eq (EBin Or U64 (EVar 3) (EVar 4)) (EConst 0))
    (SCall (Some 5) "guard_give" [(EBin Div U64 (EVar 0) (EConst 16)); (EVar 2)])
    (SSkip);;
  SCall None "page_store" [(EVar 1); (EBin Mul U64 (EConst 0) (EConst 8)); (ECond (ECmp Eq (EVar 5) (EConst 0)) (EConst 0) (EConst 18446744073709551613))]).

(* guest_measurement: 0=vcpu 1=context 2=n 3=v *)
Definition f_guest_measurement : fundef := mkfun 2 [U64; U64; U64; U64] None (
  SCall (Some 2) "page_load" [(EVar 1); (EBin Mul U64 (EConst 1) (EConst 8))];;
  SCall (Some 3) "measure_word" [(EBin Div U64 (EVar 0) (EConst 16)); (EConst 2); (EVar 2)];;
  SCall None "guest_words" [(EVar 1); (EConst 0); (EVar 3); (EConst 0); (EConst 0)]).

(* guest_quote: 0=vcpu 1=context 2=d0 3=d1 4=d2 5=d3 6=made *)
Definition f_guest_quote : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64; U64] None (
  SCall (Some 2) "page_load" [(EVar 1); (EBin Mul U64 (EConst 1) (EConst 8))];;
  SCall (Some 3) "page_load" [(EVar 1); (EBin Mul U64 (EConst 2) (EConst 8))];;
  SCall (Some 4) "page_load" [(EVar 1); (EBin Mul U64 (EConst 3) (EConst 8))];;
  SCall (Some 5) "page_load" [(EVar 1); (EBin Mul U64 (EConst 4) (EConst 8))];;
  SCall (Some 6) "measure_quote" [(EBin Div U64 (EVar 0) (EConst 16)); (EConst 2); (EVar 2); (EVar 3); (EVar 4); (EVar 5)];;
  SCall None "guest_words" [(EVar 1); (ECond (ECmp Ne (EVar 6) (EConst 0)) (EConst 0) (EConst 18446744073709551615)); (EConst 0); (EConst 0); (EConst 0)]).

(* guest_vendor: 0=vcpu 1=context 2=x0 3=fn 4=r *)
Definition f_guest_vendor : fundef := mkfun 1 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 1) "get_vcpu_context" [(EVar 0)];;
  SCall (Some 2) "page_load" [(EVar 1); (EBin Mul U64 (EConst 0) (EConst 8))];;
  SAssign 3 (EBin And U64 (EVar 2) (EConst 4294967295));;
  SAssign 4 (EConst 1);;
  SIf (ECmp Eq (EVar 3) (EConst 2248212225))
    (SCall None "guest_words" [(EVar 1); (EConst 3060773928); (EConst 3910255918); (EConst 1447807657); (EConst 1949958221)])
    (SIf (ECmp Eq (EVar 3) (EConst 2248146944))
      (SCall None "guest_words" [(EVar 1); (EConst 669); (EConst 0); (EConst 0); (EConst 0)])
      (SIf (ECmp Eq (EVar 3) (EConst 3321888770))
        (SCall None "page_store" [(EVar 1); (EBin Mul U64 (EConst 0) (EConst 8)); (EConst 4096)])
        (SIf (ECmp Eq (EVar 3) (EConst 3321888771))
          (SCall (Some 4) "guest_memory" [(EVar 0); (EVar 1); (EConst 0)])
          (SIf (ECmp Eq (EVar 3) (EConst 3321888772))
            (SCall (Some 4) "guest_memory" [(EVar 0); (EVar 1); (EConst 1)])
            (SIf (ECmp Eq (EVar 3) (EConst 3321888777))
              (SCall (Some 4) "guest_memory" [(EVar 0); (EVar 1); (EConst 2)])
              (SIf (ECmp Eq (EVar 3) (EConst 3321888775))
                (SCall None "guest_guard" [(EVar 0); (EVar 1)])
                (SIf (ECmp Eq (EVar 3) (ECast U64 (EConst 3321907993)))
                  (SCall None "guest_measurement" [(EVar 0); (EVar 1)])
                  (SIf (ECmp Eq (EVar 3) (ECast U64 (EConst 3321907994)))
                    (SCall None "guest_quote" [(EVar 0); (EVar 1)])
                    (SAssign 4 (EConst 0))))))))));;
  SReturn (Some (EVar 4))).

Definition m_vendor : modul := [
  ("guest_words", f_guest_words);
  ("guest_memory", f_guest_memory);
  ("guest_guard", f_guest_guard);
  ("guest_measurement", f_guest_measurement);
  ("guest_quote", f_guest_quote);
  ("guest_vendor", f_guest_vendor)].
